import ExampleSupport

let settings = ArgumentParser.fit2d.readOrExit { arguments throws(ArgumentError) in
  try Settings(arguments)
}
Fit2D(settings).runOrExit()

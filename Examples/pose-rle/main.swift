import ExampleSupport

let settings = ArgumentParser.poseRLE.readOrExit { arguments throws(ArgumentError) in
  try Settings(arguments)
}
settings.command.runOrExit()

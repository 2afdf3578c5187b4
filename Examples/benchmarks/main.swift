import ExampleSupport

let settings = ArgumentParser.benchmarks.readOrExit { arguments throws(ArgumentError) in
  try BenchmarkSettings(arguments)
}
settings.command.runOrExit()

import ExampleSupport

Tabular.command(Array(CommandLine.arguments.dropFirst())).runOrExit()

// swift-tools-version: 6.0
import PackageDescription

// A package of its own that uses Flows as anyone would: nothing of it belongs to the package above.
let package = Package(
  name: "Spirals",
  platforms: [.macOS(.v14), .iOS(.v17)],
  products: [.library(name: "Spirals", targets: ["Spirals"])],
  dependencies: [.package(name: "Flows", path: "../..")],
  targets: [
    .target(name: "Spirals", dependencies: [.product(name: "Flows", package: "Flows")]),
    .testTarget(
      name: "SpiralsTests",
      dependencies: ["Spirals", .product(name: "FlowChecks", package: "Flows")]),
  ]
)

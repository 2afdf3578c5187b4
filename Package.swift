// swift-tools-version: 6.2
import PackageDescription

// A debug build optimises what does the work, so that `swift run` and a user's own debug
// build train at full speed. Since tools-version 6.2 these flags are accepted in dependencies too.
let optimizedC: [CSetting] = [.unsafeFlags(["-O3"], .when(configuration: .debug))]
let optimizedSwift: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

let package = Package(
  name: "Flows",
  platforms: [.macOS(.v14), .iOS(.v17)],
  products: [
    .library(name: "Flows", targets: ["Flows"]),
    .library(name: "PoseRLE", targets: ["PoseRLE"]),
    .library(name: "FlowChecks", targets: ["FlowChecks"]),
    .executable(name: "Examples/fit2d", targets: ["fit2d"]),
    .executable(name: "Examples/pose-rle", targets: ["pose-rle"]),
    .executable(name: "Examples/tabular", targets: ["tabular"]),
    .executable(name: "Examples/benchmarks", targets: ["benchmarks"]),
  ],
  targets: [
    // MARK: - Public modules
    .target(
      name: "Flows", dependencies: ["CFlowKernels", "CSystemLibraries"],
      swiftSettings: optimizedSwift),
    .target(
      name: "PoseRLE", dependencies: ["Flows", "CImageKernels", "CSystemLibraries"],
      swiftSettings: optimizedSwift),
    .target(name: "FlowChecks", dependencies: ["Flows"], swiftSettings: optimizedSwift),

    // MARK: - Implementation details
    .target(
      name: "CFlowKernels",
      cSettings: optimizedC,
      linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]),
    .target(name: "CImageKernels", cSettings: optimizedC),
    .target(
      name: "CSystemLibraries",
      linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .target(name: "FlowCharts", dependencies: ["CFlowKernels"], swiftSettings: optimizedSwift),

    // MARK: - Examples
    .target(name: "ExampleSupport", path: "Examples/Support", swiftSettings: optimizedSwift),
    .executableTarget(
      name: "fit2d", dependencies: ["Flows", "FlowCharts", "ExampleSupport"],
      path: "Examples/fit2d"),
    .executableTarget(
      name: "pose-rle", dependencies: ["Flows", "PoseRLE", "FlowCharts", "ExampleSupport"],
      path: "Examples/pose-rle", exclude: ["peers"]),
    .executableTarget(
      name: "tabular", dependencies: ["Flows", "FlowCharts", "ExampleSupport"],
      path: "Examples/tabular", exclude: ["peers"], swiftSettings: optimizedSwift),
    .executableTarget(
      name: "benchmarks", dependencies: ["Flows", "PoseRLE", "CFlowKernels", "ExampleSupport"],
      path: "Examples/benchmarks", exclude: ["peers"]),

    // MARK: - Tests
    .testTarget(
      name: "FlowsTests",
      dependencies: ["Flows", "FlowChecks", "CFlowKernels", "CAllocationMeter"],
      exclude: [
        "Goldens/make_goldens.py", "Goldens/make_distribution_goldens.py",
        "Goldens/make_pytorch_goldens.py", "Goldens/make_flow_goldens.py",
      ],
      resources: [.copy("Goldens/Fixtures"), .copy("Files/OldModels")]),
    .testTarget(
      name: "PoseRLETests", dependencies: ["Flows", "PoseRLE", "FlowChecks"],
      exclude: [
        "Likelihoods/make_likelihood_goldens.py", "Heads/make_head_goldens.py",
        "Data/make_crop_goldens.py", "Heads/make_checkpoint_goldens.py",
        "Images/make_image_fixtures.py", "Metrics/make_metrics_fixtures.py",
      ],
      resources: [.copy("Fixtures")]),
    .target(
      name: "CAllocationMeter", dependencies: ["CFlowKernels"], path: "Tests/AllocationMeter"),
    .testTarget(name: "FlowChartsTests", dependencies: ["FlowCharts"]),
    .testTarget(name: "ExampleSupportTests", dependencies: ["ExampleSupport"]),
    .testTarget(
      name: "ExampleTests",
      dependencies: [
        "Flows", "PoseRLE", "FlowCharts", "ExampleSupport", "fit2d", "pose-rle", "tabular",
        "benchmarks", "KilledFit",
      ]),
    .executableTarget(name: "KilledFit", dependencies: ["Flows"], path: "Tests/KilledFit"),
  ],
  swiftLanguageModes: [.v6]
)

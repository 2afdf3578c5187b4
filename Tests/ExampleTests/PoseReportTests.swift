import Foundation
import Testing

@testable import pose_rle

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// What a strict parser finds on a page.
private final class PageReader: NSObject, XMLParserDelegate {
  private(set) var isWellFormed = false
  private(set) var identifiers: [String] = []
  private(set) var addresses: [String] = []
  private(set) var elements: [String: Int] = [:]
  private(set) var text = ""

  init(_ bytes: [UInt8]) {
    super.init()
    let parser = XMLParser(data: Data(bytes))
    parser.delegate = self
    isWellFormed = parser.parse()
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    elements[name, default: 0] += 1
    if let identifier = attributes["id"] { identifiers.append(identifier) }
    for key in ["src", "href", "xlink:href", "action", "data"] {
      if let address = attributes[key] { addresses.append(address) }
    }
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
}

@Suite("pose-rle: the report")
struct PoseReportTests {
  private func reader(_ report: PoseReport) -> PageReader { PageReader(report.bytes) }

  /// A report with everything in it; `name` stands wherever a name can.
  private func full(name: String = "RLE") -> PoseReport {
    let circle = (0..<24).map { step -> SIMD2<Double> in
      let angle = Double(step) / 24 * 2 * Double.pi
      return SIMD2(8 + 3 * cos(angle), 8 + 3 * sin(angle))
    }
    func sample(_ index: Int, channels: Int) -> ReportSample {
      ReportSample(
        name: name,
        picture: ReportPicture(
          width: 16, height: 12, channels: channels,
          bytes: (0..<16 * 12 * channels).map { UInt8(truncatingIfNeeded: $0 * (3 + index)) }),
        truth: [
          ReportJoint(SIMD2(4, 4)), ReportJoint(SIMD2(0, 0), visibility: 0),
          ReportJoint(SIMD2(8, 8), visibility: 1),
        ],
        predictions: ["L1", name].map { likelihood in
          ReportPrediction(
            likelihood: likelihood, joints: [SIMD2(7, 8), SIMD2(1, 2), SIMD2(.nan, 3)],
            regions: Array(
              repeating: [0.5, 0.95].map { ReportRegion(level: $0, curves: [circle]) }, count: 3),
            spread: [1, 2, 3])
        }, note: name)
    }
    var report = PoseReport(title: name)
    report.subtitle = name
    report.findings = [name, "second"]
    report.facts = [ReportFact(name, name)]
    report.command = name
    var row = ReportRow(likelihood: "L1", seed: nil)
    row.pck = ReportValue(of: [0.5, 0.6])
    row.meanError = 3.25
    row.seconds = 12.0
    var other = row
    other.likelihood = name
    other.pck = 0.625
    other.meanError = 2.5
    other.spearman = 0.5
    other.nll = -1.25
    other.coverage = [0.5, 0.79, 0.97]
    report.rows = [row, other]
    report.skeleton = ReportSkeleton(names: ["left_hip", name, "right_hip"], parents: [nil, 0, 1])
    report.samples = [sample(0, channels: 1), sample(1, channels: 3)]
    report.worst = [sample(2, channels: 3)]
    let errors = (0..<400).map { SIMD2(sin(Double($0)) * 2, cos(Double($0) * 1.7)) }
    report.density = ReportErrorDensity(
      likelihood: name,
      marginals: [
        ReportMarginal(
          name: name, errors: errors.map(\.x), places: (-40...40).map { Double($0) / 10 },
          learned: (-40...40).map { exp(-abs(Double($0)) / 10) / 2 })
      ],
      plane: ReportDensityPlane(
        x: -2...2, y: -2...2, columns: 8, rows: 8,
        density: (0..<64).map { exp(-abs(Double($0 % 8) - 3.5) - abs(Double($0 / 8) - 3)) },
        errors: errors))
    report.reliability = [
      ReportReliability(
        likelihood: name, nominal: [0.2, 0.8], before: [0.3, 0.9], after: [0.2, 0.8],
        lower: [0.1, 0.7], upper: [0.3, 0.9])
    ]
    report.spreads = [
      ReportSpread(likelihood: name, spread: [1, 2, 3, 0, .nan], error: [1, 2, 4, 1, 1])
    ]
    report.courses = [
      ReportCourse(
        likelihood: name, seed: 1, steps: [1, 2, 3], trainingLoss: [3, 2, .nan],
        validationSteps: [2, 3], validationLoss: [2, 1], pck: [0.1, 0.5])
    ]
    return report
  }

  @Test("is one well-formed file that asks for nothing else")
  func selfContained() {
    let report = full()
    let page = reader(report)
    #expect(page.isWellFormed)
    #expect(page.elements["script"] == nil && page.elements["link"] == nil)
    #expect(page.elements["section"] == 7)
    #expect(page.elements["image"] == 4)
    #expect(!page.addresses.isEmpty)
    for address in page.addresses {
      #expect(address.hasPrefix("data:image/png;base64,") || address.hasPrefix("#"))
    }
    let document = String(decoding: report.bytes, as: UTF8.self)
    #expect(!document.contains("@import") && !document.contains("url("))
    #expect(!document.contains("http:") && !document.contains("https:"))
  }

  @Test("its links lead to places of the page, each named once")
  func links() {
    let page = reader(full())
    #expect(Set(page.identifiers).count == page.identifiers.count)
    for address in page.addresses where address.hasPrefix("#") {
      #expect(page.identifiers.contains(String(address.dropFirst())))
    }
  }

  @Test("names cannot become markup")
  func escaping() {
    let name = "<script>alert(\"1\")</script>&amp;'"
    let report = full(name: name)
    let page = reader(report)
    #expect(page.isWellFormed)
    #expect(page.elements["script"] == nil)
    #expect(page.text.contains(name))
    #expect(!String(decoding: report.bytes, as: UTF8.self).contains("<script"))
  }

  @Test("equal reports give equal bytes")
  func deterministic() {
    #expect(full().bytes == full().bytes)
  }

  @Test("missing numbers are dashes")
  func missing() {
    let text = reader(full()).text
    for part in ["55.0", "\u{00B1}\u{2009}7.1", "62.5", "3.25", "2.50", "\u{2212}1.25", "79.0"] {
      #expect(text.contains(part), "\(part)")
    }
    #expect(!text.contains(" nan") && !text.contains("nan "))
    var row = ReportRow(likelihood: "L1", seed: 4)
    row.coverage = [.init(.nan)]
    var report = PoseReport(title: "t")
    report.rows = [row]
    let page = reader(report)
    #expect(page.isWellFormed)
    #expect(page.text.components(separatedBy: "\u{2013}").count == 11)
  }

  @Test("nothing at all makes a page as well")
  func empty() {
    #expect(reader(PoseReport(title: "")).isWellFormed)
    var report = full()
    report.samples = [
      ReportSample(
        name: "", picture: ReportPicture(width: 1, height: 1, channels: 1, bytes: [0]), truth: [],
        predictions: [])
    ]
    report.worst = []
    report.skeleton = ReportSkeleton(names: [], edges: [(0, 1)])
    report.density = ReportErrorDensity(
      likelihood: "", marginals: [ReportMarginal(name: "", errors: [], places: [], learned: [])],
      plane: ReportDensityPlane(
        x: 0...0, y: -1...1, columns: 2, rows: 2, density: [0, 0, 0, 0]))
    report.reliability = [ReportReliability(likelihood: "a", nominal: [], before: [1])]
    report.spreads = [ReportSpread(likelihood: "a", spread: [], error: [1])]
    report.courses = [ReportCourse(likelihood: "a", steps: [1], trainingLoss: [.nan], pck: [0.5])]
    #expect(reader(report).isWellFormed)
    report.density?.plane = ReportDensityPlane(
      x: -1...1, y: -1...1, columns: 2, rows: 2, density: [.nan, 0, 0, 0], errors: [SIMD2(0, 0)])
    report.density?.marginals = [
      ReportMarginal(name: "x", errors: [2, 2], places: [0], learned: [])
    ]
    #expect(reader(report).isWellFormed)
  }

  @Test("the best value of a column is the one of its kind")
  func best() {
    func row(_ pck: Double, _ error: Double, _ inside: Double) -> ReportRow {
      var row = ReportRow(likelihood: "a", seed: nil)
      row.pck = ReportValue(pck)
      row.meanError = ReportValue(error)
      row.coverage = [ReportValue(inside)]
      return row
    }
    let rows = [row(0.5, 3, 0.41), row(.nan, 2, 0.57), row(0.7, 4, 0.9)]
    #expect(ReportColumn.pck.best(of: rows) == "70.0")
    #expect(ReportColumn.meanError.best(of: rows) == "2.00")
    #expect(ReportColumn.coverage(0).best(of: rows) == "57.0")
    #expect(ReportColumn.seconds.best(of: rows) == nil)
    #expect(ReportColumn.pck.best(of: Array(rows.prefix(2))) == nil)
  }

  @Test("fitted shapes are those of greatest likelihood")
  func shapes() throws {
    let fit = try #require(ErrorShapeFit(sorted: [-3, -1, 0, 1, 8]))
    // Mean 1, mean square of deviations 14; median 0, mean distance from it 2.6.
    #expect(abs(fit.gaussian(1) - 1 / (28 * Double.pi).squareRoot()) < 1e-12)
    #expect(abs(fit.laplace(2.6) - exp(-1) / 5.2) < 1e-12)
    #expect(ErrorShapeFit(sorted: [1, 1]) == nil && ErrorShapeFit(sorted: [2]) == nil)
  }

  @Test("overlays enlarge small pictures and draw inside them")
  func overlay() {
    let picture = ReportPicture(
      width: 64, height: 48, channels: 1, bytes: [UInt8](repeating: 90, count: 64 * 48))
    func overlay(_ joints: [SIMD2<Double>]) -> OverlayPNG {
      OverlayPNG(
        picture: picture,
        prediction: ReportPrediction(
          likelihood: "RLE", joints: joints,
          regions: [[ReportRegion(level: 0.5, curves: [[SIMD2(1, 1), SIMD2(9, 1), SIMD2(4, 9)]])]]),
        truth: [ReportJoint(SIMD2(5, 5)), ReportJoint(SIMD2(0, 0), visibility: 0)],
        skeleton: ReportSkeleton(names: ["left_hip", "right_hip"], edges: [(0, 1)]))
    }
    let file = overlay([SIMD2(10, 10), SIMD2(50, 40)])
    #expect(file.factor == 6)
    let bytes = file.bytes
    #expect(Array(bytes.prefix(4)) == [0x89, 0x50, 0x4E, 0x47])
    // The width and the height stand in the header.
    #expect(Array(bytes[16..<24]) == [0, 0, 1, 128, 0, 0, 1, 32])
    #expect(bytes == overlay([SIMD2(10, 10), SIMD2(50, 40)]).bytes)
    #expect(bytes != overlay([SIMD2(10, 10), SIMD2(50, 30)]).bytes)
    #expect(overlay([SIMD2(.nan, 1), SIMD2(1e9, -1e9)]).bytes.count > 100)
    #expect(overlay([]).bytes.count > 100)
  }
}

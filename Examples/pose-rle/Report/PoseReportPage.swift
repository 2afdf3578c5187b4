import FlowCharts

/// Puts the sections of a report together.
struct PoseReportPage {
  let report: PoseReport
  private let palette: ReportPalette

  init(_ report: PoseReport) {
    self.report = report
    palette = ReportPalette(report)
  }

  /// A part of the page with a headline of its own.
  struct Section {
    var id: String
    /// In the list at the top.
    var name: String
    var title: String
    var content: HTML
  }

  var page: HTMLPage {
    HTMLPage(
      title: report.title, style: PoseReportStyle.rules,
      body: HTML {
        header
        HTML("main") {
          for section in sections {
            HTML("section", ["id": section.id]) {
              HTML("h2") { section.title }
              section.content
            }
            "\n"
          }
        }
        footer
      })
  }

  private var sections: [Section] {
    let table = ReportTable(rows: report.rows, palette: palette)
    let curves = ReportFigures(report: report, palette: palette)
    let gallery = ReportGallery(
      id: "pictures", samples: report.samples, skeleton: report.skeleton, palette: palette,
      showsMisses: false)
    let worst = ReportGallery(
      id: "worst", samples: report.worst, skeleton: report.skeleton, palette: palette,
      showsMisses: true)
    let all: [(Bool, Section)] = [
      (
        !report.rows.isEmpty,
        Section(id: "results", name: "Results", title: "Results", content: table.html)
      ),
      (
        !report.samples.isEmpty,
        Section(
          id: "pictures", name: "Pictures", title: "What it sees", content: gallery.html)
      ),
      (
        report.density != nil,
        Section(
          id: "density", name: "Error density", title: "What errors look like",
          content: curves.density)
      ),
      (
        !(report.reliability.isEmpty && report.spreads.isEmpty),
        Section(
          id: "trust", name: "Calibration", title: "Does it know what it does not know?",
          content: curves.trust)
      ),
      (
        !report.courses.isEmpty,
        Section(
          id: "training", name: "Training", title: "How it learned", content: curves.training)
      ),
      (
        !report.worst.isEmpty,
        Section(id: "worst", name: "Worst cases", title: "Worst cases", content: worst.html)
      ),
      (
        !report.rows.isEmpty,
        Section(
          id: "terms", name: "How to read this", title: "How to read this",
          content: ReportGlossary(pckRule: report.pckRule).html)
      ),
    ]
    return all.filter(\.0).map(\.1)
  }

  private var header: HTML {
    HTML("header") {
      HTML("h1") { report.title }
      if !report.subtitle.isEmpty { HTML("p", ["class": "subtitle"]) { report.subtitle } }
      if let first = report.findings.first {
        HTML("div", ["class": "findings"]) {
          HTML("p", ["class": "first"]) { first }
          for finding in report.findings.dropFirst() { HTML("p") { finding } }
        }
      }
      ReportTiles(rows: report.rows, palette: palette).html
      if !report.facts.isEmpty {
        HTML("dl", ["class": "facts"]) {
          for fact in report.facts {
            HTML("div") {
              HTML("dt") { fact.name }
              HTML("dd") { fact.value }
            }
          }
        }
      }
      if sections.count > 1 {
        HTML("nav", ["aria-label": "Sections"]) {
          for section in sections { HTML("a", ["href": "#" + section.id]) { section.name } }
        }
      }
    }
  }

  private var footer: HTML {
    HTML("footer") {
      if !report.command.isEmpty {
        HTML("p") {
          "Made by "
          HTML("code") { report.command }
        }
      }
    }
  }
}

/// One colour for each likelihood, the same on the whole page.
struct ReportPalette {
  private let names: [String]

  init(_ report: PoseReport) {
    var names: [String] = []
    let mentioned =
      report.rows.map(\.likelihood) + report.samples.flatMap { $0.predictions.map(\.likelihood) }
      + report.reliability.map(\.likelihood) + report.spreads.map(\.likelihood)
      + report.courses.map(\.likelihood) + report.worst.flatMap { $0.predictions.map(\.likelihood) }
      + [report.density?.likelihood].compactMap(\.self)
    for name in mentioned where !names.contains(name) { names.append(name) }
    self.names = names
  }

  func paint(_ likelihood: String) -> SVGChart.Paint {
    names.firstIndex(of: likelihood).map { .series($0) } ?? .ink
  }

  /// The name with a dot of its colour.
  func tag(_ likelihood: String) -> HTML {
    HTML("span", ["class": "tag \(paint(likelihood).name)"]) { likelihood }
  }
}

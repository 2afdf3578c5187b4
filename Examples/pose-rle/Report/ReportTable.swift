import FlowCharts

/// The table of results.
struct ReportTable {
  let rows: [ReportRow]
  let palette: ReportPalette

  /// The rows among which the best values are sought: means, where there are any.
  static func compared(_ rows: [ReportRow]) -> [ReportRow] {
    let means = rows.filter { $0.seed == nil }
    return means.isEmpty ? rows : means
  }

  var html: HTML {
    let hasSeeds = rows.contains { $0.seed != nil }
    let compared = ReportTable.compared(rows)
    let columns = ReportColumn.all.map { (column: $0, best: $0.best(of: compared)) }
    let isMixed = compared.count < rows.count
    return HTML("figure") {
      HTML("div", ["class": "scroll"]) {
        HTML("table") {
          HTML("thead") {
            HTML("tr") {
              HTML("th", ["scope": "col"]) { "Likelihood" }
              if hasSeeds { HTML("th", ["scope": "col", "class": "number"]) { "Seed" } }
              for (column, _) in columns {
                HTML("th", ["scope": "col", "class": "number"]) {
                  column.title
                  HTML("small") { column.unit.isEmpty ? "\u{A0}" : column.unit }
                }
              }
            }
          }
          HTML("tbody") {
            for row in rows {
              HTML("tr", ["class": isMixed && row.seed == nil ? "mean" : nil]) {
                HTML("th", ["scope": "row"]) { palette.tag(row.likelihood) }
                if hasSeeds {
                  HTML("td", ["class": "number faded"]) { row.seed.map(String.init) ?? "mean" }
                }
                for (column, best) in columns {
                  cell(column, row, best: isMixed && row.seed != nil ? nil : best)
                }
              }
            }
          }
        }
      }
      HTML("figcaption") {
        "Of each column the best value is set in bold; of a coverage it is the one closest to its "
        "level. Errors are in pixels of the crop. What the columns are is told under "
        HTML("a", ["href": "#terms"]) { "How to read this" }
        "."
      }
    }
  }

  private func cell(_ column: ReportColumn, _ row: ReportRow, best: String?) -> HTML {
    let text = column.text(row)
    let isBest = best == text && text != NumberText.missing
    return HTML("td", ["class": isBest ? "number best" : "number"]) {
      text
      if let deviation = column.deviation(row) { HTML("small") { " \(deviation)" } }
    }
  }
}

/// The most important columns as bars, at the top of the page.
struct ReportTiles {
  let rows: [ReportRow]
  let palette: ReportPalette

  private static let limit = 4

  var html: HTML {
    let compared = ReportTable.compared(rows)
    let tiles = [
      Tile(column: .pck, caption: "Joints in the right place (PCK)", full: 1),
      Tile(column: .meanError, caption: "Mean error"),
      Tile(column: .spearman, caption: "Spread ranks errors (correlation)", full: 1),
      Tile(
        column: .coverage(1), caption: "Labels inside 80\u{202F}% regions", full: 1,
        target: ReportRow.levels[1]),
    ]
    let shown = tiles.filter { tile in
      compared.contains { tile.column.value($0).mean.isFinite }
    }
    guard compared.count > 1, !shown.isEmpty else { return HTML([]) }
    return HTML("div", ["class": "tiles"]) {
      for tile in shown {
        html(tile, compared.filter { tile.column.value($0).mean.isFinite })
      }
    }
  }

  /// One column as bars.
  private struct Tile {
    var column: ReportColumn
    var caption: String
    /// The value of a whole bar; none means the greatest value.
    var full: Double?
    /// The value that would be right, marked on every bar.
    var target: Double?
  }

  private func html(_ tile: Tile, _ rows: [ReportRow]) -> HTML {
    let column = tile.column
    let best = column.best(of: rows)
    // The best ones, but in the order of the table.
    let kept = Set(
      rows.indices.sorted { score(column, rows[$0]) > score(column, rows[$1]) }
        .prefix(ReportTiles.limit))
    let full = tile.full ?? rows.map { column.value($0).mean }.max() ?? 1
    return HTML("div", ["class": "tile"]) {
      HTML("h3") {
        tile.caption
        if kept.count < rows.count { ", best \(kept.count) of \(rows.count)" }
      }
      for index in rows.indices where kept.contains(index) {
        let row = rows[index]
        let share = full > 0 ? min(max(column.value(row).mean / full, 0), 1) : 0
        HTML(
          "div", ["class": "meter \(palette.paint(row.likelihood).name)"]
        ) {
          HTML("span", ["class": "who"]) { row.likelihood }
          HTML("span", ["class": column.text(row) == best ? "value best" : "value"]) {
            column.text(row)
            if let unit = column.unit.split(separator: " ").first {
              HTML("small") { "\u{2009}\(unit)" }
            }
          }
          HTML("span", ["class": "track"]) {
            HTML("span", ["class": "part", "style": "width:\(percent(share))"])
            if let target = tile.target {
              HTML("span", ["class": "target", "style": "left:\(percent(target))"])
            }
          }
        }
      }
    }
  }

  private func percent(_ share: Double) -> String {
    SVGPath.number(100 * share, decimals: 1) + "%"
  }

  private func score(_ column: ReportColumn, _ row: ReportRow) -> Double {
    let mean = column.value(row).mean
    switch column.order {
    case .higher: return mean
    case .lower: return -mean
    case .closest(let target): return -abs(mean - target)
    case .none: return 0
    }
  }
}

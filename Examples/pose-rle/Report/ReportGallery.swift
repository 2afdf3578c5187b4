import FlowCharts

/// Pictures with true and predicted skeletons, those of all likelihoods side by side.
struct ReportGallery {
  let id: String
  let samples: [ReportSample]
  let skeleton: ReportSkeleton
  let palette: ReportPalette
  /// Whether lines lead from truths to predictions.
  let showsMisses: Bool

  var html: HTML {
    HTML("figure", ["class": "gallery"]) {
      toggles
      HTML("div", ["class": "cards"]) {
        for (index, sample) in samples.enumerated() { card(sample, number: index) }
      }
      HTML("figcaption") { caption }
    }
  }

  private var levels: [Double] {
    Set(samples.flatMap { $0.predictions.flatMap { $0.regions.joined().map(\.level) } }).sorted()
  }

  /// Boxes that hide and show what lies over the pictures, by rules alone.
  private var toggles: HTML {
    var entries = [("guess", "prediction"), ("truth", "truth")]
    if showsMisses { entries.append(("miss", "error")) }
    let levels = levels
    if let first = levels.first, levels.count > 1 { entries.append(("inner", percent(first))) }
    if let last = levels.last { entries.append(("outer", percent(last))) }
    return HTML {
      for (kind, name) in entries {
        HTML(
          "input",
          ["type": "checkbox", "class": "toggle \(kind)", "id": "\(id)-\(kind)", "checked": ""])
        HTML("label", ["for": "\(id)-\(kind)"]) {
          HTML("span", ["class": "swatch \(kind)"])
          name
        }
      }
      HTML("span", ["class": "sides"]) {
        for side in ReportSide.allCases {
          HTML("span", ["class": "side \(side.rawValue)"]) { side.rawValue }
        }
      }
    }
  }

  private func percent(_ level: Double) -> String {
    NumberText.shown(100 * level, decimals: 0) + "\u{202F}% region"
  }

  private func card(_ sample: ReportSample, number: Int) -> HTML {
    let imageID = "\(id)-\(number + 1)"
    let count = sample.predictions.count
    return HTML("div", ["class": count > 2 ? "card wide" : count == 2 ? "card" : "card single"]) {
      HTML("div", ["class": "panels"]) {
        if sample.predictions.isEmpty {
          panel(sample, nil, imageID: imageID, holdsImage: true)
        }
        for (index, prediction) in sample.predictions.enumerated() {
          panel(sample, prediction, imageID: imageID, holdsImage: index == 0)
        }
      }
      HTML("p", ["class": "about"]) {
        HTML("b") { sample.name }
        if !sample.note.isEmpty { HTML("span") { sample.note } }
      }
    }
  }

  private func panel(
    _ sample: ReportSample, _ prediction: ReportPrediction?, imageID: String, holdsImage: Bool
  ) -> HTML {
    HTML("div", ["class": "panel"]) {
      PoseDrawing(
        sample: sample, prediction: prediction, skeleton: skeleton, imageID: imageID,
        holdsImage: holdsImage, showsMisses: showsMisses
      ).html
      if let prediction {
        HTML("p") {
          palette.tag(prediction.likelihood)
          HTML("span", ["class": "errors"]) {
            NumberText.shown(prediction.meanError(from: sample.truth), decimals: 1) + " px"
            if let spread = prediction.meanSpread {
              HTML("span", ["class": "faded"]) {
                " (\u{03C3}\u{0302} \(NumberText.shown(spread, decimals: 1)))"
              }
            }
          }
        }
      }
    }
  }

  private var caption: String {
    let regions = levels
    let shown =
      regions.isEmpty
      ? ""
      : " Around each joint: the smallest region that should hold it with the named probability."
    let hasSpread = samples.contains { $0.predictions.contains { !$0.spread.isEmpty } }
    let numbers =
      " Below each picture: the mean distance from the labels within the crop, in pixels of the picture"
      + (hasSpread ? ", and in brackets the mean spread \u{03C3}\u{0302} that was predicted." : ".")
    return showsMisses
      ? "The pictures with the largest errors, worst first. Broken red lines lead from each label "
        + "to the prediction. Look for hidden limbs, for left and right swapped, and for labels "
        + "that are wrong themselves. Wide regions say that the network knew of its doubt."
        + numbers
      : "Pictures that training did not see, not chosen by their errors. White: the labels; in "
        + "colour: the prediction." + shown + numbers
        + " Point at a joint for its name and error."
  }
}

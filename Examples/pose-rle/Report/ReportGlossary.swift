import FlowCharts

/// What the words of the page mean.
struct ReportGlossary {
  let pckRule: String

  private var terms: [(String, String)] {
    [
      (
        "PCK",
        "Percentage of correct keypoints: the share of labelled joints whose prediction lies "
          + "within \(pckRule). Higher is better."
      ),
      (
        "Mean, median error",
        "The distance between prediction and label in pixels of the crop. A few swapped limbs "
          + "move the mean far more than the median."
      ),
      (
        "Spread \u{03C3}\u{0302}",
        "How far off the network expects to be, for each joint of each picture. L1 and L2 predict "
          + "none: one spread serves for all."
      ),
      (
        "Rank correlation",
        "Spearman's correlation between predicted spread and error: 1 if the joints with the "
          + "larger spread are always the ones with the larger error, 0 if the spread says nothing."
      ),
      (
        "NLL",
        "Negative log-likelihood of the labels under the predicted density, in nats a joint. It "
          + "rewards being right and knowing it at once. Lower is better; it may be negative."
      ),
      (
        "50, 80, 95\u{202F}% region",
        "The share of labels inside the regions that are to hold 50, 80 or 95\u{202F}% of them. "
          + "Below its level, regions are too small (overconfident); above it, too large."
      ),
      (
        "Calibration",
        "Predicted densities are widened or narrowed by factors that are fitted on pictures kept "
          + "back from training."
      ),
      (
        "RLE",
        "Residual log-likelihood estimation (Li et al., ICCV 2021, arXiv 2107.11291): a "
          + "normalizing flow learns the shape of the error's density together with the network, "
          + "as the correction of a simple density, and is not needed for predictions."
      ),
      (
        "L1, Laplace, Gaussian",
        "Regression with a fixed shape of the error. L1 is a Laplace density of fixed spread."
      ),
    ]
  }

  var html: HTML {
    HTML("dl", ["class": "terms"]) {
      for (term, meaning) in terms {
        HTML("div") {
          HTML("dt") { term }
          HTML("dd") { meaning }
        }
      }
    }
  }
}

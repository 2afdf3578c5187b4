/// The rules that all pages share: colours for light and dark, type, and the parts of charts.
public enum HTMLStyle {
  /// The rules, of which a page may override any.
  public static var rules: String {
    let light = variables(Color.series)
    let dark = variables(Color.seriesOnDark)
    let classes = Color.series.indices
      .map { ".s\($0){--c:var(--series-\($0))}" }
      .joined(separator: "\n")
    return """
      :root{color-scheme:light dark;
      --paper:#FAFAF8;--surface:#FFFFFF;--ink:#1F242C;--faint:#5C636E;--line:#E3E5E9;--grid:#ECEEF1;--pale:#C3C9D1;
      --accent:#1F6FB4;--shade:#F1F3F6;
      \(light)}
      @media (prefers-color-scheme:dark){:root{
      --paper:#121417;--surface:#1A1D22;--ink:#E7E9ED;--faint:#A1A8B3;--line:#2E333B;--grid:#282D34;--pale:#4B535F;
      --accent:#6FB6EE;--shade:#22262D;
      \(dark)}}
      @media print{:root{color-scheme:light;
      --paper:#FFFFFF;--surface:#FFFFFF;--ink:#1F242C;--faint:#5C636E;--line:#D9DCE1;--grid:#ECEEF1;--pale:#C3C9D1;
      --accent:#1F6FB4;--shade:#F1F3F6;
      \(light)}}
      \(classes)
      .ink{--c:var(--ink)}
      .faint{--c:var(--faint)}
      .pale{--c:var(--pale)}
      *{box-sizing:border-box}
      html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
      body{margin:0;background:var(--paper);color:var(--ink);
      font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
      -webkit-font-smoothing:antialiased}
      figure{margin:0}
      svg{display:block;max-width:100%}
      svg text{font-family:inherit}
      .chart{width:100%;height:auto;font-size:12px;font-variant-numeric:tabular-nums}
      .chart .grid{stroke:var(--grid);stroke-width:1;fill:none}
      .chart .axis{stroke:var(--faint);stroke-width:1;fill:none;opacity:.6}
      .chart .tick{fill:var(--faint)}
      .chart .name{fill:var(--faint)}
      .chart .key{fill:var(--ink)}
      .chart .label{fill:var(--c);font-weight:600}
      .chart .curve{stroke:var(--c);fill:none;stroke-linejoin:round;stroke-linecap:round}
      .chart .dot{fill:var(--c)}
      .chart .bar{fill:var(--c);opacity:.3}
      .chart .band{fill:var(--c);opacity:.16}
      .chart .none{fill:var(--faint);font-style:italic}
      .chart .halo{fill:#FFFFFF;stroke:#000000;stroke-opacity:.65;stroke-width:3px;
      paint-order:stroke;stroke-linejoin:round}

      """
  }

  private static func variables(_ colors: [Color]) -> String {
    colors.enumerated().map { "--series-\($0):\($1.css)" }.joined(separator: ";")
  }
}

extension Color {
  /// The colours of ``series``, lightened to stand on a dark page.
  public static let seriesOnDark: [Color] = [
    Color(0x63AEEA), Color(0xFF8B5C), Color(0x45C29F), Color(0xC490DE), Color(0xE3B341),
    Color(0xA7B1C0), Color(0xF07FB2), Color(0x62CFE8),
  ]

  /// The colour as style sheets write it.
  public var css: String {
    "#"
      + [red, green, blue].map { component in
        let digits = String(component, radix: 16, uppercase: true)
        return digits.count < 2 ? "0" + digits : digits
      }.joined()
  }
}

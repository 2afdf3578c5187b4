import FlowCharts

/// The rules of the page that charts do not need.
enum PoseReportStyle {
  static var rules: String {
    let sides = ReportSide.allCases.map { side in
      ".\(side.rawValue){--side:\(PoseColors.color(side).css)}"
    }.joined(separator: "\n")
    let toggles = ["guess", "truth", "miss", "inner", "outer"].map {
      ".toggle.\($0):not(:checked)~.cards .pose .\($0)"
    }.joined(separator: ",")
    return """
      \(sides)
      \(toggles){display:none}
      body{padding:0 24px}
      header,main,footer{max-width:1080px;margin:0 auto}
      header{padding-top:56px}
      h1{font-size:38px;line-height:1.15;letter-spacing:-.02em;margin:0 0 8px;font-weight:700}
      h2{font-size:25px;line-height:1.25;letter-spacing:-.01em;margin:0 0 20px;font-weight:650}
      h3{font-size:15px;line-height:1.35;margin:0 0 12px;font-weight:600}
      p{margin:0}
      a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:3px}
      small{font-size:.8em;color:var(--faint);font-weight:400}
      code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;
      overflow-wrap:anywhere}
      .subtitle{color:var(--faint);font-size:17px;max-width:46em}
      .findings{margin:28px 0 0;max-width:46em}
      .findings p+p{margin-top:8px}
      .findings .first{font-size:20px;line-height:1.45}
      .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(230px,1fr));gap:16px;
      margin-top:32px}
      .tile{background:var(--surface);border:1px solid var(--line);border-radius:12px;
      padding:16px 18px 18px}
      .tile h3{font-weight:500;font-size:13px;color:var(--faint);margin-bottom:10px}
      .meter{display:grid;grid-template-columns:1fr auto;align-items:baseline;margin-top:8px}
      .meter .who{font-size:14px}
      .meter .value{font-size:17px;font-variant-numeric:tabular-nums}
      .meter .value.best{font-size:23px;font-weight:650;letter-spacing:-.01em}
      .meter .track{grid-column:1/3;height:6px;border-radius:3px;background:var(--shade);
      position:relative;margin-top:3px}
      .meter .part{display:block;height:100%;background:var(--c);border-radius:3px}
      .meter .target{position:absolute;top:-3px;bottom:-3px;width:2px;margin-left:-1px;
      background:var(--ink);border-radius:1px}
      .facts{display:flex;flex-wrap:wrap;gap:14px 36px;margin:30px 0 0;font-size:14px}
      .facts dt{color:var(--faint);font-size:12px}
      .facts dd{margin:0;font-variant-numeric:tabular-nums}
      nav{display:flex;flex-wrap:wrap;gap:6px 22px;margin-top:30px;padding:12px 0;font-size:14px;
      border-top:1px solid var(--line);border-bottom:1px solid var(--line)}
      nav a{text-decoration:none}
      nav a:hover{text-decoration:underline}
      section{margin-top:60px;scroll-margin-top:20px}
      figcaption{color:var(--faint);font-size:14px;line-height:1.5;margin-top:12px;max-width:62em}
      .scroll{overflow-x:auto;background:var(--surface);border:1px solid var(--line);
      border-radius:12px}
      table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
      th,td{padding:10px 12px;text-align:left;white-space:nowrap;font-weight:400}
      thead th{font-size:12px;color:var(--faint);vertical-align:bottom;white-space:normal;
      line-height:1.3;border-bottom:1px solid var(--line)}
      thead small{display:block;font-size:11px}
      tbody tr+tr>*{border-top:1px solid var(--grid)}
      tbody th{position:sticky;left:0;background:var(--surface)}
      .number{text-align:right}
      .best{font-weight:700}
      .mean>*{background:var(--shade)}
      .faded{color:var(--faint)}
      .tag::before{content:"";display:inline-block;width:9px;height:9px;border-radius:50%;
      background:var(--c);margin-right:7px}
      .gallery{position:relative}
      .toggle{position:absolute;opacity:0;pointer-events:none}
      .toggle+label{display:inline-block;font-size:13px;line-height:1;padding:7px 12px;
      margin:0 8px 8px 0;border:1px solid var(--line);border-radius:16px;cursor:pointer;
      white-space:nowrap;background:var(--surface);user-select:none}
      .toggle:not(:checked)+label{background:none;color:var(--faint);text-decoration:line-through}
      .toggle:not(:checked)+label .swatch{opacity:.25}
      .toggle:focus-visible+label{outline:2px solid var(--accent);outline-offset:1px}
      .swatch{display:inline-block;width:18px;height:10px;margin-right:6px;vertical-align:0;
      border-radius:3px}
      .swatch.guess{height:4px;vertical-align:3px;background:linear-gradient(90deg,
      \(PoseColors.color(.left).css) 0 34%,\(PoseColors.color(.middle).css) 34% 67%,
      \(PoseColors.color(.right).css) 67%)}
      .swatch.truth{height:4px;vertical-align:3px;background:#FFFFFF;box-shadow:0 0 0 1px #333333}
      .swatch.miss{height:0;border-top:3px dashed \(PoseColors.miss.css);border-radius:0;
      vertical-align:3px}
      .swatch.inner{background:\(PoseColors.color(.left).css);opacity:.6}
      .swatch.outer{border:1.5px solid \(PoseColors.color(.left).css)}
      .sides{display:inline-block;font-size:13px;margin-left:6px;color:var(--faint);white-space:nowrap}
      .side::before{content:"";display:inline-block;width:10px;height:10px;border-radius:50%;
      background:var(--side);margin:0 6px 0 0}
      .side{margin-right:14px}
      .cards{display:flex;flex-wrap:wrap;gap:18px;margin-top:8px}
      .card{flex:1 1 440px;min-width:0;background:var(--surface);border:1px solid var(--line);
      border-radius:12px;padding:14px}
      .card.single{flex:0 1 250px}
      .card.wide{flex:1 1 100%}
      .panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:12px}
      .panel p{display:flex;justify-content:space-between;flex-wrap:wrap;gap:0 8px;font-size:13px;
      margin-top:7px;font-variant-numeric:tabular-nums}
      .about{font-size:13px;color:var(--faint);margin-top:8px}
      .about b{font-weight:500;margin-right:8px}
      .pose{width:100%;height:auto;border-radius:6px;background:#777777}
      .pose path,.pose circle{stroke-linecap:round;stroke-linejoin:round}
      .truth path{fill:none}
      .truth .under{stroke:#000000;stroke-opacity:.6}
      .truth .over{stroke:#FFFFFF}
      .truth circle{fill:#FFFFFF;stroke:#000000;stroke-opacity:.7}
      .guess path{fill:none;stroke:var(--side)}
      .guess path.under{stroke:#000000;stroke-opacity:.45}
      .guess circle{fill:var(--side);stroke:#000000;stroke-opacity:.65}
      .region path{fill:var(--side);stroke:var(--side);fill-rule:evenodd}
      .region.outer path{fill-opacity:.07;stroke-opacity:.75}
      .region.inner path{fill-opacity:.34;stroke-opacity:0}
      .pose .miss{fill:none;stroke:\(PoseColors.miss.css)}
      .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));
      gap:22px}
      .plot{background:var(--surface);border:1px solid var(--line);border-radius:12px;
      padding:18px 20px 20px;min-width:0}
      .plots.narrow{grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr))}
      .narrow .plot{padding:16px 16px 18px}
      .terms{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));
      gap:20px 40px;margin:0}
      .terms dt{font-weight:600;font-size:15px}
      .terms dd{margin:2px 0 0;font-size:14px;color:var(--faint)}
      footer{margin-top:60px;padding:20px 0 48px;border-top:1px solid var(--line);font-size:13px;
      color:var(--faint)}
      @media (max-width:560px){
      body{padding:0 14px}
      header{padding-top:32px}
      h1{font-size:29px}
      h2{font-size:22px}
      section{margin-top:44px}
      .findings .first{font-size:18px}
      .tiles{grid-template-columns:1fr 1fr;gap:10px}
      .tile{padding:12px 13px 14px}
      .card{padding:10px;flex-basis:100%}
      .panels{gap:8px}
      .plot{padding:14px 12px 16px}
      .chart{font-size:13px}
      }
      @media print{
      @page{margin:14mm}
      body{padding:0;font-size:11pt}
      header{padding-top:0}
      nav,.toggle,.toggle+label{display:none}
      section{margin-top:26px}
      h2{break-after:avoid}
      .plot,.card,.tile,tr,.terms div{break-inside:avoid}
      .plots,.terms{grid-template-columns:1fr 1fr}
      .plots.narrow{grid-template-columns:repeat(3,1fr);gap:10px}
      .narrow .plot{padding:10px}
      .tiles{grid-template-columns:repeat(4,1fr);gap:8px}
      .tile{padding:9px 10px 11px}
      .meter .value.best{font-size:19px}
      figcaption,.terms dd{font-size:9pt}
      .card{flex-basis:44%}
      .scroll{overflow:visible}
      table{font-size:8.5pt}
      th,td{padding:5px 6px}
      .pose,.tag::before,.meter .track,.meter .part,.meter .target,.side::before,.swatch{
      print-color-adjust:exact;-webkit-print-color-adjust:exact}
      }

      """
  }
}

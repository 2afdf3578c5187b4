/// Files written by the Python package safetensors 0.8, as base64.
enum SafetensorsGolden {
  /// Arrays of both floating-point types, one of them a scalar and one empty, and metadata.
  static let plain = """
    UAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJmbG93IFwiw6lcIlxuIn0sImIyIjp7ImR0
    eXBlIjoiRjY0Iiwic2hhcGUiOlszXSwiZGF0YV9vZmZzZXRzIjpbMCwyNF19LCJiaWFzIjp7ImR0eXBl
    IjoiRjY0Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMjQsNDBdfSwibm9uZSI6eyJkdHlwZSI6
    IkY2NCIsInNoYXBlIjpbMCwyXSwiZGF0YV9vZmZzZXRzIjpbNDAsNDBdfSwic2NhbGUiOnsiZHR5cGUi
    OiJGMzIiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzQwLDQ0XX0sIndlaWdodCI6eyJkdHlwZSI6
    IkYzMiIsInNoYXBlIjpbMiwzXSwiZGF0YV9vZmZzZXRzIjpbNDQsNjhdfX0AAAAAAADwPwAAAAAAAABA
    AAAAAAAACEAAAAAAAADgPwAAAAAAAPC/AAAAQAAAwD8AAADAAABAQAAAgEAAAKhAAADAwA==
    """

  /// One array of every element type but BF16.
  static let types = """
    qAIAAAAAAAB7InU2NCI6eyJkdHlwZSI6IlU2NCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzAs
    OF19LCJpNjQiOnsiZHR5cGUiOiJJNjQiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOls4LDE2XX0s
    ImY2NCI6eyJkdHlwZSI6IkY2NCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzE2LDI0XX0sImYz
    MiI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzI0LDI4XX0sInUzMiI6
    eyJkdHlwZSI6IlUzMiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzI4LDMyXX0sImkzMiI6eyJk
    dHlwZSI6IkkzMiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzMyLDM2XX0sImYxNiI6eyJkdHlw
    ZSI6IkYxNiIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzM2LDQwXX0sInUxNiI6eyJkdHlwZSI6
    IlUxNiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzQwLDQyXX0sImkxNiI6eyJkdHlwZSI6Ikkx
    NiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzQyLDQ0XX0sImk4Ijp7ImR0eXBlIjoiSTgiLCJz
    aGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOls0NCw0NV19LCJ1OCI6eyJkdHlwZSI6IlU4Iiwic2hhcGUi
    OlsxXSwiZGF0YV9vZmZzZXRzIjpbNDUsNDZdfSwiZmxhZyI6eyJkdHlwZSI6IkJPT0wiLCJzaGFwZSI6
    WzJdLCJkYXRhX29mZnNldHMiOls0Niw0OF19fQAAAAAAAACA/P////////+amZmZmZm5P83MzD0AKGvu
    /f///wA+AMDo/f7///oBAA==
    """

  /// No arrays.
  static let empty = "CAAAAAAAAAB7fSAgICAgIA=="
}

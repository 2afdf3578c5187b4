/// How a CSV file is to be understood.
public struct CSVOptions: Sendable, Equatable {
  /// Whether the first row holds names.
  public enum Header: Sendable, Equatable {
    /// It does if it holds a name and no number; a first row that mixes the two is an error.
    case automatic
    /// It does.
    case present
    /// It holds numbers like every other row.
    case absent
  }

  /// What separates the fields of a row.
  public enum Delimiter: Sendable, Equatable {
    /// The first of semicolon, tab and comma that occurs in the first row outside of quotes;
    /// otherwise white space, if it separates words there; otherwise the comma.
    case automatic
    /// Spaces and tabs, any number of them.
    case whitespace
    /// One ASCII character other than a letter, a digit, a quote, a line end and any of `+-.#`.
    case character(Character)

    /// A comma between fields.
    public static let comma = Delimiter.character(",")
    /// A semicolon between fields.
    public static let semicolon = Delimiter.character(";")
    /// A tab between fields.
    public static let tab = Delimiter.character("\t")
  }

  /// What to do with a row in which a value is missing.
  public enum MissingValues: Sendable, Equatable {
    /// Refuse the file, naming the place.
    case error
    /// Leave the row out and count it.
    case dropRow
  }

  /// Whether the first row holds names.
  public var header: Header
  /// What separates the fields of a row.
  public var delimiter: Delimiter
  /// What to do with rows that lack a value.
  ///
  /// An empty field and `NA`, `NaN` and `null`, in capitals or not, are missing values.
  public var missingValues: MissingValues
  /// Whether `inf` and `nan` are numbers.
  ///
  /// Without it infinity is an error and `nan` a missing value.
  public var allowsNonFinite: Bool

  /// Creates options; the defaults suit a clean file.
  public init(
    header: Header = .automatic, delimiter: Delimiter = .automatic,
    missingValues: MissingValues = .error, allowsNonFinite: Bool = false
  ) {
    self.header = header
    self.delimiter = delimiter
    self.missingValues = missingValues
    self.allowsNonFinite = allowsNonFinite
  }
}

/// The numbers of a CSV file.
public struct CSVTable<Scalar: TensorScalar>: Sendable {
  /// The numbers, as rows and columns.
  public let tensor: Tensor<Scalar>
  /// The names of the columns, if the file has them.
  public let header: [String]?
  /// How many rows were left out because a value was missing.
  public let droppedRows: Int

  /// Creates a table.
  public init(tensor: Tensor<Scalar>, header: [String]?, droppedRows: Int = 0) {
    self.tensor = tensor
    self.header = header
    self.droppedRows = droppedRows
  }
}

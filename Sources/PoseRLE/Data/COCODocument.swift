/// A file in COCO's format of person keypoints, as far as training needs it.
struct COCODocument: Decodable {
  struct Image: Decodable {
    let id: Int
    let name: String
    let width: Int?
    let height: Int?

    enum CodingKeys: String, CodingKey {
      case id, width, height
      case name = "file_name"
    }

    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      id = try fields.required(Int.self, .id)
      name = try fields.required(String.self, .name)
      width = try fields.value(Int.self, .width)
      height = try fields.value(Int.self, .height)
    }

    func check(_ path: String) throws(PoseError) {
      // A file that a document names may be any file, were it not for this.
      let parts = name.split(separator: "/", omittingEmptySubsequences: false)
      try JSONCheck.require(
        !parts.contains("..") && !parts.contains("") && !name.utf8.contains(0), path + ".file_name",
        "expected the path of a file within the folder of images, found \"\(name.prefix(80))\"")
      for (key, length) in [("width", width), ("height", height)] {
        try JSONCheck.require(
          length.map { (1...1_000_000).contains($0) } ?? true, path + ".\(key)",
          "expected 1 to 1000000 pixels, found \(length ?? 0)")
      }
    }
  }

  struct Category: Decodable {
    let id: Int
    let keypoints: [String]?
    let skeleton: [[Int]]?

    enum CodingKeys: CodingKey {
      case id, keypoints, skeleton
    }

    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      id = try fields.required(Int.self, .id)
      keypoints = try fields.value([String].self, .keypoints)
      skeleton = try fields.value([[Int]].self, .skeleton)
    }
  }

  let images: [Image]
  let annotations: [AnnotationEntry]
  let categories: [Category]?

  /// The category of a number, or the only one with keypoints; nil where the file lists none.
  func category(_ number: Int?) throws(PoseError) -> (index: Int, category: Category)? {
    guard let categories else { return nil }
    let found = categories.indices.filter {
      number == nil ? categories[$0].keypoints != nil : categories[$0].id == number
    }
    guard let first = found.first else {
      throw PoseError(
        .invalidData,
        number.map { "the category \($0) is not listed" } ?? "no category has keypoints",
        path: "categories")
    }
    guard found.count == 1 else {
      throw PoseError(
        .invalidConfiguration,
        "expected the number of a category, as several have keypoints: "
          + found.prefix(8).map { "\(categories[$0].id)" }.joined(separator: ", "),
        path: "categories")
    }
    return (first, categories[first])
  }

  /// The skeleton of a category, or the given one if it fits.
  static func skeleton(
    _ found: (index: Int, category: Category)?, given: Skeleton?
  ) throws(PoseError) -> Skeleton {
    let path = found.map { "categories[\($0.index)]" } ?? "categories"
    guard let names = found?.category.keypoints else {
      if let given { return given }
      throw PoseError(
        .malformedFile, "the names of the keypoints are missing, and no skeleton is given",
        path: path)
    }
    if let given {
      try JSONCheck.require(
        names.count == given.count, path + ".keypoints",
        "expected \(given.count) names, those of the given skeleton, found \(names.count)")
      try JSONCheck.require(
        names == given.names || Set(names) != Set(given.names), path + ".keypoints",
        "expected the names of the given skeleton in its order, found another order")
      return given
    }
    try JSONCheck.require(!names.isEmpty, path + ".keypoints", "expected names, found none")
    var seen: Set<String> = []
    for (index, name) in names.enumerated() {
      try JSONCheck.require(
        seen.insert(name).inserted, path + ".keypoints[\(index)]",
        "expected a name of its own, found it twice")
    }
    let edges = found?.category.skeleton ?? []
    for (index, edge) in edges.enumerated() {
      try JSONCheck.require(
        edge.count == 2 && edge.allSatisfy((1...names.count).contains),
        path + ".skeleton[\(index)]",
        "expected two keypoints of 1 to \(names.count), found \(edge.prefix(8))")
    }
    return Skeleton(names: names, edges: edges.map { $0.map { $0 - 1 } })
  }
}

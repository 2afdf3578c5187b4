/// The people of a document that can be trained on, and the count of those who cannot.
struct COCOPeople {
  struct Person {
    let id: Int
    let image: Int
    let box: SIMD4<Double>
  }

  let skeleton: Skeleton
  let images: [COCODocument.Image]
  private(set) var people: [Person] = []
  private(set) var labels: KeypointTable
  private(set) var census = DataCensus()
  private(set) var fingerprint = Fingerprint()

  /// The sizes of files, looked up when first asked for; −1 where there is none.
  private var sizes: [Int?]
  private let folder: String

  init(
    _ document: COCODocument, skeleton given: Skeleton?, category number: Int?, folder: String,
    skipsMissingImages: Bool
  ) throws(PoseError) {
    let category = try document.category(number)
    skeleton = try COCODocument.skeleton(category, given: given)
    self.folder = folder
    images = document.images
    sizes = [Int?](repeating: nil, count: images.count)
    labels = KeypointTable(joints: skeleton.count)
    fingerprint.mix(skeleton)

    var indices: [Int: Int] = [:]
    for (index, image) in images.enumerated() {
      try image.check("images[\(index)]")
      try JSONCheck.require(
        indices.updateValue(index, forKey: image.id) == nil, "images[\(index)].id",
        "the id \(image.id) comes twice")
    }
    var seen = Set<Int>(minimumCapacity: document.annotations.count)
    for (index, entry) in document.annotations.enumerated() {
      try JSONCheck.require(
        seen.insert(entry.id).inserted, "annotations[\(index)].id",
        "the id \(entry.id) comes twice")
      if let wanted = category?.category.id ?? number, entry.category != wanted { continue }
      try add(entry, "annotations[\(index)]", indices[entry.image], skipsMissingImages)
    }
    guard !people.isEmpty else {
      throw PoseError(
        .invalidData, "expected a person with labelled joints and an image, found none",
        path: "annotations")
    }
  }

  private mutating func add(
    _ entry: AnnotationEntry, _ path: String, _ image: Int?, _ skipsMissingImages: Bool
  ) throws(PoseError) {
    if entry.isCrowd == 1 {
      census.skippedCrowds += 1
      return
    }
    let pose = try entry.pose(path, skeleton.count, isEvaluated: false)
    let limit = KeypointTable.largestCoordinate
    for (index, value) in pose.box.enumerated() {
      try JSONCheck.require(
        value.magnitude <= limit, path + ".bbox[\(index)]",
        "expected -1000000 to 1000000 pixels, found \(value)")
    }
    for (index, value) in pose.keypoints.enumerated() where pose.keypoints[index / 3 * 3 + 2] > 0 {
      try JSONCheck.require(
        value.magnitude <= limit, path + ".keypoints[\(index)]",
        "expected -1000000 to 1000000 pixels, found \(value)")
    }
    guard AnnotatedPose.labelled(pose.keypoints) > 0 else {
      census.skippedWithoutJoints += 1
      return
    }
    guard pose.box[2] > 0 || pose.box[3] > 0 else {
      census.skippedWithoutBox += 1
      return
    }
    guard let image else {
      census.skippedWithoutImage += 1
      return
    }
    let size = sizes[image] ?? ImageFile.size(of: "\(folder)/\(images[image].name)") ?? -1
    sizes[image] = size
    guard size >= 0 else {
      if !skipsMissingImages {
        throw PoseError(
          .unreadableFile,
          "there is no such image, which images[\(image)].file_name names",
          file: "\(folder)/\(images[image].name)")
      }
      census.skippedWithoutImage += 1
      return
    }
    append(pose, image)
    fingerprint.mix(images[image].name)
    fingerprint.mix(size)
  }

  private mutating func append(_ pose: AnnotatedPose, _ image: Int) {
    let box = SIMD4(pose.box[0], pose.box[1], pose.box[2], pose.box[3])
    for joint in 0..<skeleton.count {
      let values = pose.keypoints[3 * joint..<3 * joint + 3]
      let start = values.startIndex
      labels.append(
        SIMD2(values[start], values[start + 1]),
        KeypointSample.Visibility(values[start + 2]) ?? .unlabelled)
    }
    let range = labels.range(people.count)
    var extent: SIMD2<Double>?
    if let width = images[image].width, let height = images[image].height {
      extent = SIMD2(Double(width), Double(height))
    }
    census.add(labels.positions[range], labels.visibility[range], box: box, extent: extent)
    people.append(Person(id: pose.id, image: image, box: box))
    fingerprint.mix(pose.id)
    for index in 0..<4 { fingerprint.mix(box[index]) }
    for index in range {
      fingerprint.mix(labels.positions[index].x)
      fingerprint.mix(labels.positions[index].y)
      fingerprint.mix(UInt64(labels.visibility[index].rawValue))
    }
  }
}

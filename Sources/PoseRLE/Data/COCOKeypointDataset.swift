import Foundation

/// People of a file in COCO's format of keypoints, each with the image that it is in (top-down).
///
/// A sample is a person with at least one labelled joint. Groups of people (`iscrowd`) and people
/// without labelled joints, without a box and, where that is asked for, without an image are left out
/// and counted in ``census``. Images are read from the folder when a sample is; they are not kept.
public struct COCOKeypointDataset: KeypointSource {
  /// The keypoints of every pose.
  public let skeleton: Skeleton
  /// 1 where images are decoded as grey, 3 as red, green, blue.
  public let channels: Int
  /// What a box is widened by when it becomes a crop.
  public let boxPadding: Double
  /// The folder of the images.
  public let imageFolder: String
  /// How many pixels the longer side of a padded box keeps where images are reduced; nil where they
  /// are not.
  public let minimumBoxSide: Int?
  /// What the labels hold, and who was left out.
  public let census: DataCensus
  /// Made of the labels and of names and sizes of the files of images, not of their content.
  public let fingerprint: UInt64

  private let images: [COCODocument.Image]
  private let people: [COCOPeople.Person]
  private let labels: KeypointTable

  /// The number of samples.
  public var count: Int { people.count }
  /// For each sample the number of its annotation in the file.
  public var annotationIDs: [Int] { people.map(\.id) }
  /// For each sample the number of its image in the file: groups for a division of the samples.
  public var imageIDs: [Int] { people.map { images[$0.image].id } }

  /// Reads annotations; images must be there, and are not read yet.
  ///
  /// Used are `images[].id`, `.file_name`, `.width`, `.height`; of each annotation `id`, `image_id`,
  /// `category_id`, `keypoints`, `bbox` and `iscrowd`; and `categories[].id`, `.keypoints`, `.skeleton`.
  /// A skeleton is made of those names and lines (``Skeleton/init(names:edges:flipPairs:)``).
  ///
  /// - Parameters:
  ///   - annotations: the JSON file.
  ///   - images: the folder that `file_name` is relative to; files outside of it are refused.
  ///   - skeleton: the joints; if nil those of the file.
  ///   - category: the number of the category; if nil the only one that has keypoints.
  ///   - channels: 1 for grey, 3 for red, green, blue.
  ///   - boxPadding: what a box is widened by; 1 where boxes are crops already.
  ///   - minimumBoxSide: if not nil, images are decoded at a half, a quarter or an eighth of their size
  ///     as long as the longer side of the padded box has so many pixels. Samples are in pixels of the
  ///     reduced image.
  ///   - skipsMissingImages: leave out people whose image is not in the folder, instead of an error.
  /// - Throws: ``PoseError`` with the file and the place in the document, such as
  ///   `annotations[3].keypoints[5]`, as for ``KeypointAnnotations``; `invalidData` also for labels
  ///   beyond 10⁶ pixels, and where nobody is left; `unreadableFile` for an image that is not there.
  public init(
    annotations: String, images folder: String, skeleton: Skeleton? = nil, category: Int? = nil,
    channels: Int = 3, boxPadding: Double = 1.25, minimumBoxSide: Int? = nil,
    skipsMissingImages: Bool = false
  ) throws {
    precondition(channels == 1 || channels == 3, "an image has 1 or 3 channels; got \(channels)")
    precondition(
      boxPadding.isFinite && boxPadding > 0, "a padding is a positive factor; got \(boxPadding)")
    let data = try readBytes(annotations)
    let reader = try PoseError.translating(annotations) {
      try COCOPeople(
        try decodeJSON(COCODocument.self, from: data), skeleton: skeleton, category: category,
        folder: folder, skipsMissingImages: skipsMissingImages)
    }
    self.skeleton = reader.skeleton
    self.channels = channels
    self.boxPadding = boxPadding
    self.minimumBoxSide = minimumBoxSide
    imageFolder = folder
    images = reader.images
    people = reader.people
    labels = reader.labels
    census = reader.census
    var fingerprint = reader.fingerprint
    fingerprint.mix(channels)
    fingerprint.mix(boxPadding)
    fingerprint.mix(minimumBoxSide ?? 0)
    self.fingerprint = fingerprint.value
  }

  /// The sample of an index in `0 ..< count`, with its image.
  ///
  /// - Throws: ``PoseError`` that names the file where it cannot be decoded, or has another size than
  ///   the annotations say.
  public func sample(_ index: Int) throws -> KeypointSample {
    precondition((0..<count).contains(index), "a sample of 0 ..< \(count); got \(index)")
    let person = people[index]
    let image = images[person.image]
    let path = "\(imageFolder)/\(image.name)"
    let longest = max(person.box.z, person.box.w) * boxPadding
    let reduction =
      minimumBoxSide.flatMap { side in
        [8, 4, 2].first { longest / Double($0) >= Double(side) }
      } ?? 1
    let decoded = try PixelImage.decode(
      try ImageFile.read(path), name: path, channels: channels, largestReduction: reduction)
    guard decoded.fullWidth == image.width ?? decoded.fullWidth,
      decoded.fullHeight == image.height ?? decoded.fullHeight
    else {
      throw PoseError(
        .invalidData,
        "expected \(image.width ?? 0) × \(image.height ?? 0) pixels, as the annotations say, found "
          + "\(decoded.fullWidth) × \(decoded.fullHeight)", file: path)
    }
    let scale = 1 / Double(decoded.reduction)
    let range = labels.range(index)
    return KeypointSample(
      image: decoded.image, box: person.box * scale,
      keypoints: labels.positions[range].map { $0 * scale },
      visibility: Array(labels.visibility[range]), name: "\(path), annotation \(person.id)",
      decoderWarnings: decoded.warnings)
  }
}

extension COCOKeypointDataset: CensusedSource {}

/// A network in a form that kernels read, made for given weights.
protocol PreparedForm: AnyObject {
  /// The memory of the weights it was made for.
  var memories: LayerMemories { get }
  /// Makes anew what depends on the weights, which have changed in place.
  func prepare()
}

extension PreparedForm {
  /// True where the weights changed in place since they were looked at.
  var isOutdated: Bool { memories.isOutdated }
}

/// The memory of the parameters of layers, and how often it had changed when it was looked at.
final class LayerMemories {
  private let memories: [Storage]
  private let pointers: [UnsafeMutableRawPointer]
  private var generations: [Int]

  init<Scalar>(_ layers: [Linear<Scalar>]) {
    let storages = layers.flatMap { layer in
      [layer.weight.storage] + (layer.bias.map { [$0.storage] } ?? [])
    }
    memories = storages.map(\.memory)
    pointers = storages.map(\.pointer)
    generations = memories.map(\.generation)
  }

  /// Takes the weights as they are now for seen.
  func note() {
    for (index, memory) in memories.enumerated() { generations[index] = memory.generation }
  }

  /// True where the weights changed in place since they were looked at.
  var isOutdated: Bool {
    for index in memories.indices where memories[index].generation != generations[index] {
      return true
    }
    return false
  }

  /// True where these are the very weights of layers, wherever their values stand now.
  func isMemory<Scalar>(of layers: [Linear<Scalar>]) -> Bool {
    var place = 0
    func isNext(_ storage: Storage) -> Bool {
      guard place < memories.count, pointers[place] == storage.pointer,
        memories[place] === storage.memory
      else { return false }
      place += 1
      return true
    }
    for layer in layers {
      guard isNext(layer.weight.storage) else { return false }
      if let bias = layer.bias, !isNext(bias.storage) { return false }
    }
    return place == memories.count
  }
}

/// The prepared forms of a network, kept as long as its weights stay; shared by copies of a model, of
/// which a few may be in use at a time.
final class PreparationCache<Form: PreparedForm>: @unchecked Sendable {
  private static var most: Int { 4 }

  private let lock = SpinLock()
  /// The one last used first.
  private var recent: [Form] = []

  /// That of some layers, made where there is none; nil where it cannot be made.
  func form<Scalar>(of layers: [Linear<Scalar>], make: () -> Form?) -> Form? {
    lock.held {
      if let place = recent.firstIndex(where: { $0.memories.isMemory(of: layers) }) {
        let found = recent[place]
        if place > 0 { recent.insert(recent.remove(at: place), at: 0) }
        if found.isOutdated { found.prepare() }
        return found
      }
      guard let fresh = make() else { return nil }
      if recent.count == Self.most { recent.removeLast() }
      recent.insert(fresh, at: 0)
      return fresh
    }
  }
}

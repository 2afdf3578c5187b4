extension Ensemble {
  /// Writes all members to one file, which is that of their mean density, a ``Mixture``.
  ///
  /// - Throws: ``FlowsError`` where a part cannot be described or the file cannot be written.
  public func save(to path: String) throws { try density.save(to: path) }

  /// Reads an ensemble from a file that ``save(to:)`` wrote.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - types: users' own types of flows that the file may contain.
  ///   - bases: users' own types of densities.
  /// - Throws: ``FlowsError`` as ``Distribution/load(from:types:bases:)``, and where the file holds
  ///   members of another type or weights that differ.
  public static func load(
    from path: String, types: [any StorableFlow<Scalar>.Type] = [],
    bases: [any StorableDistribution<Scalar>.Type] = []
  ) throws -> Ensemble {
    let mixture = try Mixture<Scalar>.load(from: path, types: types, bases: bases)
    return try namingFile(path) {
      let members = try mixture.parts.map { part in
        guard let member = part as? Member else {
          throw FlowsError(
            .modelMismatch, "expected members of type \(Member.self); found a \(type(of: part))")
        }
        return member
      }
      guard Set(mixture.logits.scalars).count == 1 else {
        throw FlowsError(
          .modelMismatch,
          "the members of an ensemble count alike; this is a mixture whose weights "
            + "differ")
      }
      return Ensemble(members)
    }
  }
}

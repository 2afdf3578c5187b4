/// The least number of edits that turn one text into another.
///
/// An edit inserts, deletes or replaces a character, or swaps two neighbours that no other edit
/// touches; swaps count as one since they are a common slip of the fingers.
package func editDistance(_ first: String, _ second: String) -> Int {
  let rows = Array(first)
  let columns = Array(second)
  var table = [Array(0...columns.count)]
  for row in rows.indices {
    var line = [row + 1]
    for column in columns.indices {
      let replaced = table[row][column] + (rows[row] == columns[column] ? 0 : 1)
      var least = min(replaced, table[row][column + 1] + 1, line[column] + 1)
      if row > 0, column > 0, rows[row] == columns[column - 1], rows[row - 1] == columns[column] {
        least = min(least, table[row - 1][column - 1] + 1)
      }
      line.append(least)
    }
    table.append(line)
  }
  return table[rows.count][columns.count]
}

/// The candidate most like a misspelt word, or nil when none is like it.
///
/// A candidate counts as like when at most two letters in five of the word would have to change;
/// among equals the earliest wins.
package func nearestMatch(to word: String, among candidates: [String]) -> String? {
  let limit = max(1, word.count * 2 / 5)
  var best: (candidate: String, distance: Int)?
  for candidate in candidates {
    let distance = editDistance(word.lowercased(), candidate.lowercased())
    if distance <= limit && distance < (best?.distance ?? Int.max) {
      best = (candidate, distance)
    }
  }
  return best?.candidate
}

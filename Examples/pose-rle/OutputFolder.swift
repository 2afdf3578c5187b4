import Flows
import Foundation
import PoseRLE

/// Makes a folder and tries to write in it, before training, so that no minute of work ends in an error.
func prepareFolder(_ folder: String) throws {
  do {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  } catch {
    throw PoseError(.unwritableFile, "the folder cannot be made", file: folder)
  }
  let probe = folder + "/.pose-rle"
  try AtomicFile.write([], to: probe)
  try FileManager.default.removeItem(atPath: probe)
}

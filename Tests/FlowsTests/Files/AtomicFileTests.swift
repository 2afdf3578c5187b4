import Foundation
import Testing

@testable import Flows

@Suite("Whole files")
struct AtomicFileTests {
  private func contents(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  @Test("writes, replaces and reads back")
  func roundTrip() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/data.bin"
      for size in [0, 1, 200_000, 3] {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try AtomicFile.write(bytes, to: path)
        #expect(try FileBytes.read(path) == bytes)
      }
      #expect(try contents(folder) == ["data.bin"])
    }
  }

  @Test("never shows a part, whoever writes at the same time")
  func concurrentWriters() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("flows-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/data.bin"
    let size = 1 << 20
    try AtomicFile.write([UInt8](repeating: 9, count: size), to: path, temporaryName: .fixed)
    await withTaskGroup(of: Int.self) { group in
      for writer in 1...2 {
        group.addTask {
          let bytes = [UInt8](repeating: UInt8(writer), count: size)
          // One that finds the other at work gets an error, and tries again.
          var written = 0
          while written < 20 {
            let isWritten =
              (try? AtomicFile.write(bytes, to: path, temporaryName: .fixed)) != nil
            if isWritten { written += 1 } else { await Task.yield() }
          }
          return written
        }
      }
      group.addTask {
        for _ in 0..<100 {
          guard let bytes = try? FileBytes.read(path) else { return -1 }
          if bytes.count != size || bytes.contains(where: { $0 != bytes[0] }) { return -2 }
        }
        return 1
      }
      for await count in group { #expect(count > 0) }
    }
    #expect(try contents(folder).filter { !$0.hasPrefix(".") } == ["data.bin"])
  }

  @Test("does not write through what is in the way")
  func inTheWay() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/data.bin"
      try AtomicFile.write([1], to: folder + "/other")
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/.data.bin.partial", withDestinationPath: "other")
      #expect(
        errorKind { try AtomicFile.write([2], to: path, temporaryName: .fixed) }
          == .unwritableFile)
      #expect(try FileBytes.read(folder + "/other") == [1])
    }
  }

  @Test("keeps permissions and symbolic links")
  func keepsAttributes() throws {
    try withTemporaryFolder { folder in
      let (path, link) = (folder + "/data.bin", folder + "/link")
      try AtomicFile.write([1], to: path)
      try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "data.bin")
      try AtomicFile.write([2], to: link)
      #expect(try FileBytes.read(path) == [2])
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "data.bin")
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      #expect(attributes[.posixPermissions] as? Int == 0o640)

      let lost = folder + "/lost"
      try FileManager.default.createSymbolicLink(atPath: lost, withDestinationPath: "nowhere/a")
      #expect(
        errorText { try AtomicFile.write([1], to: lost) }
          == "\(lost): the file is a symbolic link that leads nowhere")
    }
  }

  @Test("names the reason a file cannot be read")
  func readErrors() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/missing"
      #expect(errorText { try FileBytes.read(path) } == "\(path): the file does not exist")
      #expect(errorKind { try FileBytes.read(path) } == .unreadableFile)
      #expect(
        errorText { try FileBytes.read(folder) } == "\(folder): expected a file, found a folder")
      #expect(
        errorText { try FileBytes.read("") }
          == "expected the path of a file, found an empty path")
      #expect(
        errorText { try FileBytes.read("a\0b") } == "the path \"a\\u{0}b\" contains a zero byte")
      #expect(
        errorText { try FileBytes.read("/dev/null") }
          == "/dev/null: expected a file, found a device")
      try AtomicFile.write([1], to: path)
      #expect(
        errorText { try FileBytes.read(path + "/a") }
          == "\(path)/a: cannot read the file: a part of its path is not a folder")
    }
  }

  @Test("names the reason a file cannot be written")
  func writeErrors() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/missing/data.bin"
      #expect(
        errorText { try AtomicFile.write([1], to: path) }
          == "\(path): the folder \"\(folder)/missing\" does not exist")
      #expect(errorKind { try AtomicFile.write([1], to: path) } == .unwritableFile)
      for path in [folder, folder + "/"] {
        #expect(
          errorText { try AtomicFile.write([1], to: path) }
            == "\(path): expected the name of a file, found a folder")
      }
      #expect(
        errorText { try AtomicFile.write([1], to: "/dev/null") }
          == "/dev/null: expected the name of a file, found a device")
      #expect(
        errorText { try AtomicFile.write([1], to: "") }
          == "expected the path of a file, found an empty path")
      let long = folder + "/" + String(repeating: "a", count: 300)
      #expect(
        errorText { try AtomicFile.write([1], to: long) }
          == "\(long): cannot write the file: its name is too long")
      let left = try contents(folder)
      #expect(left.isEmpty)
    }
  }

  @Test("respects permissions", .enabled(if: geteuid() != 0, "the administrator may do anything"))
  func permissions() throws {
    try withTemporaryFolder { folder in
      let manager = FileManager.default
      let path = folder + "/data.bin"
      try AtomicFile.write([1], to: path)
      try manager.setAttributes([.posixPermissions: 0o400], ofItemAtPath: path)
      #expect(
        errorText { try AtomicFile.write([2], to: path) }
          == "\(path): cannot write the file: permission was denied")
      try manager.setAttributes([.posixPermissions: 0o200], ofItemAtPath: path)
      #expect(
        errorText { try FileBytes.read(path) }
          == "\(path): cannot read the file: permission was denied")
      try manager.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder)
      #expect(
        errorText { try AtomicFile.write([2], to: path) }
          == "\(path): cannot write to the folder \"\(folder)\": permission was denied")
      try manager.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
    }
  }

  @Test("keeps the old file and removes the temporary one when the disk fails")
  func failingDisk() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/data.bin"
      try AtomicFile.write([1, 2, 3], to: path)
      let reasons: [(Int32, String)] = [
        (ENOSPC, "the disk is full"), (EDQUOT, "the disk quota is used up"),
        (EIO, "the device reported an error"),
        (EFBIG, "the file would be larger than the system allows"),
        (EROFS, "the file system is read-only"), (9_999, "the system reported error 9999"),
      ]
      for (code, reason) in reasons {
        var calls = 0
        let text = errorText {
          try AtomicFile.write([UInt8](repeating: 7, count: 100), to: path) { descriptor, buffer in
            calls += 1
            if calls == 2 { return (0, SystemError(code: EINTR)) }
            if calls == 4 { return (0, SystemError(code: code)) }
            return AtomicFile.systemWrite(
              descriptor, UnsafeRawBufferPointer(rebasing: buffer.prefix(10)))
          }
        }
        #expect(text == "\(path): cannot write the file: \(reason)")
        #expect(calls == 4)
      }
      #expect(
        errorText { try AtomicFile.write([9], to: path) { _, _ in (0, nil) } }
          == "\(path): cannot write the file: the disk is full")
      #expect(try FileBytes.read(path) == [1, 2, 3])
      #expect(try contents(folder) == ["data.bin"])
    }
  }

  @Test("writes everything although the system takes small parts")
  func partialWrites() throws {
    try withTemporaryFolder { folder in
      let bytes = (0..<100).map { UInt8($0) }
      try AtomicFile.write(bytes, to: folder + "/a") { descriptor, buffer in
        AtomicFile.systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: buffer.prefix(7)))
      }
      #expect(try FileBytes.read(folder + "/a") == bytes)
    }
  }
}

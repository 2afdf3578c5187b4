#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The reason behind a failed system call.
///
/// The texts are this module's own because `strerror` is not safe to call from several threads and
/// speaks the language of the user's settings.
struct SystemError: Equatable {
  /// The value of `errno` right after the failed call.
  let code: Int32

  /// The reason of the last failed call on this thread.
  static var last: SystemError { SystemError(code: errno) }

  /// A clause that completes a sentence, such as "permission was denied".
  var reason: String {
    switch code {
    case ENOENT: "it does not exist"
    case EACCES, EPERM: "permission was denied"
    case EROFS: "the file system is read-only"
    case ENOSPC: "the disk is full"
    case EDQUOT: "the disk quota is used up"
    case EFBIG: "the file would be larger than the system allows"
    case EISDIR: "it is a folder"
    case ENOTDIR: "a part of its path is not a folder"
    case ENAMETOOLONG: "its name is too long"
    case ELOOP: "its path has too many symbolic links"
    case EMFILE, ENFILE: "too many files are open"
    case EIO: "the device reported an error"
    default: "the system reported error \(code)"
    }
  }
}

#include "storage/disk/folder.hpp"

#include "storage/disk/stamps.hpp"
#include "storage/disk/system_failure.hpp"
#include "system/sync_names.hpp"
#include "wire/result.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>

namespace starling::storage {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view format_text = "starling data 2\n";
constexpr std::string_view format_text_of_format_1 = "starling data 1\n";
constexpr std::string_view format_head = "starling data ";
constexpr std::string_view format_name = "format";
constexpr std::string_view draft_name = "format.new";

/// Whether filesystems and their tools put such a name into the root of a volume. A folder that
/// holds nothing else is empty; what has these names is left alone.
bool is_of_volume(std::string_view name) {
  constexpr std::array<std::string_view, 6> names{
      "lost+found",                  // ext2, ext3, ext4
      "aquota.user", "aquota.group", // quotas of these
      ".snapshot",   ".snapshots",   // views of file servers, and of snapper on btrfs
      ".zfs",                        // ZFS, if it is told to show it
  };
  constexpr std::array<std::string_view, 2> beginnings{
      ".Trash-", // of desktops that have shown the volume
      ".nfs",    // files of an NFS volume that are removed and still open elsewhere
  };
  return std::ranges::find(names, name) != names.end() ||
         std::ranges::any_of(beginnings, [name](auto b) { return name.starts_with(b); });
}

/// Takes a data folder into use, step by step; each step says what went wrong, if something did.
class folder_opening {
public:
  explicit folder_opening(const std::string& path)
      : path_(path), format_path_(path_ / format_name), draft_path_(path_ / draft_name) {}

  wire::possible<failure> run() {
    if (auto failed = make_folder())
      return failed;
    if (open_format())
      return adopt_format();
    if (errno != ENOENT)
      return failed_to("open", format_path_);
    if (auto failed = check_empty())
      return failed;
    return make_format();
  }

  /// The lock on the draft is the lock on `format` once it has that name, so of two processes that
  /// come upon an empty folder, one is refused.
  wire::possible<failure> make_format() {
    format = system::descriptor{::open(draft_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (format.number() < 0)
      return failed_to("make", draft_path_);
    if (auto failed = lock())
      return failed;
    if (::access(format_path_.c_str(), F_OK) == 0)
      return refusal("is being made by another process");
    if (::ftruncate(format.number(), 0) != 0 || !write_all() || ::fsync(format.number()) != 0)
      return failed_to("write", draft_path_);
    if (::rename(draft_path_.c_str(), format_path_.c_str()) != 0)
      return failed_to("make", format_path_);
    if (const auto error = system::sync_names(path_))
      return system_failure("cannot sync " + path_.string(), error);
    return std::nullopt;
  }

  system::descriptor format;
  bool is_of_format_1 = false;

private:
  wire::possible<failure> make_folder() {
    if (::mkdir(path_.c_str(), 0700) != 0)
      return errno == EEXIST ? std::nullopt : failed_to("make", path_);
    if (const auto error = system::sync_names(fs::absolute(path_).parent_path()))
      return system_failure("cannot sync the folder above " + path_.string(), error);
    return std::nullopt;
  }

  bool open_format() {
    format = system::descriptor{::open(format_path_.c_str(), O_RDWR | O_CLOEXEC)};
    return format.number() >= 0;
  }

  wire::possible<failure> adopt_format() {
    if (auto failed = lock())
      return failed;
    std::string text(64, '\0');
    const auto size = ::pread(format.number(), text.data(), text.size(), 0);
    if (size < 0)
      return failed_to("read", format_path_);
    text.resize(static_cast<std::size_t>(size));
    is_of_format_1 = text == format_text_of_format_1;
    if (text == format_text || is_of_format_1)
      return std::nullopt;
    if (text.starts_with(format_head))
      return refusal("was made by another version of Starling");
    return refusal("is no data folder of Starling: its file format says something else");
  }

  wire::possible<failure> check_empty() {
    std::error_code error;
    fs::directory_iterator entry{path_, error};
    for (; !error && entry != fs::directory_iterator{}; entry.increment(error))
      if (const auto name = entry->path().filename().string();
          name != draft_name && !is_of_volume(name))
        return refusal("is no data folder of Starling: it has no file format, and is not empty: "
                       "it holds " +
                       name);
    if (error)
      return system_failure("cannot read " + path_.string(), error.value());
    return std::nullopt;
  }

  wire::possible<failure> lock() {
    if (::flock(format.number(), LOCK_EX | LOCK_NB) == 0)
      return std::nullopt;
    return errno == EWOULDBLOCK ? refusal("is in use by another process")
                                : failed_to("lock", format_path_);
  }

  bool write_all() {
    const auto written = ::write(format.number(), format_text.data(), format_text.size());
    if (written >= 0 && static_cast<std::size_t>(written) != format_text.size())
      errno = ENOSPC;
    return written == static_cast<ssize_t>(format_text.size());
  }

  wire::possible<failure> failed_to(const std::string& verb, const fs::path& what) const {
    return system_failure("cannot " + verb + " " + what.string(), errno);
  }

  wire::possible<failure> refusal(const std::string& why) const {
    return failure{trouble::broken, path_.string() + " " + why};
  }

  fs::path path_;
  fs::path format_path_;
  fs::path draft_path_;
};

} // namespace

wire::result<folder, failure> open_data_folder(const std::string& path) {
  folder_opening steps{path};
  if (auto failed = steps.run())
    return std::move(*failed);
  auto stamp = stamp_of(steps.format.number(), path + "/format");
  if (!stamp)
    return std::move(stamp).error();
  return folder{path, std::move(steps.format), *stamp, steps.is_of_format_1};
}

wire::possible<failure> folder::become_present() {
  const auto name = path_ + "/format";
  // The texts differ in one byte, so no kill leaves half of one.
  static_assert(format_text.size() == format_text_of_format_1.size());
  struct stat before {};
  if (::fstat(format_.number(), &before) != 0 ||
      ::pwrite(format_.number(), format_text.data(), format_text.size(), 0) !=
          static_cast<ssize_t>(format_text.size()))
    return system_failure("cannot write " + name, errno);
  const std::array<timespec, 2> times{before.st_atim, before.st_mtim};
  if (::futimens(format_.number(), times.data()) != 0 || ::fsync(format_.number()) != 0)
    return system_failure("cannot write " + name, errno);
  auto stamp = stamp_of(format_.number(), name);
  if (!stamp)
    return std::move(stamp).error();
  format_file_ = *stamp;
  is_of_format_1_ = false;
  return std::nullopt;
}

wire::possible<failure> make_format(const std::string& path) {
  return folder_opening{path}.make_format();
}

} // namespace starling::storage

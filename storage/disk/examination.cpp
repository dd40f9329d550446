#include "storage/disk/examination.hpp"

#include "storage/disk/rocks_log.hpp"
#include "storage/disk/watched_disk.hpp"
#include "wire/result.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace starling::storage {

namespace {

using rocksdb::Status;

// A kill stops a write between two pages of memory.
constexpr std::uint64_t page_bytes = 4096;

/// One examination. The first status that is not ok ends it.
class examination {
public:
  examination(rocksdb::Env& env, const std::string& folder, const std::string& boot)
      : env_(env), folder_(folder), boot_(boot) {}

  Status run() {
    auto status = read_folder();
    if (status.ok())
      status = current_ ? examine_rows() : examine_leftovers();
    result.known.boot = boot_;
    return status;
  }

  /// What is there is what there should be.
  Status describe() {
    auto status = read_folder();
    if (status.ok() && !current_)
      status = Status::NotFound(folder_, "CURRENT is missing");
    if (status.ok())
      status = read_logs();
    if (status.ok())
      status = describe_files();
    result.known.boot = boot_;
    return status;
  }

  finding result;

private:
  using kind = finding::kind;

  std::string path_of(const std::string& name) const { return folder_ + "/" + name; }

  Status read_folder() {
    auto status = env_.GetChildren(folder_, &files_);
    if (!status.ok())
      return status;
    auto read = witness_file::read(*env_.GetFileSystem(), folder_);
    if (!read)
      return read.error();
    witness_ = *std::move(read);
    if (std::ranges::find(files_, "CURRENT") == files_.end())
      return Status::OK();
    current_.emplace();
    return rocksdb::ReadFileToString(&env_, path_of("CURRENT"), &*current_);
  }

  Status found(kind what, std::string why) {
    result.what = what;
    result.why = std::move(why);
    return Status::OK();
  }

  /// Without the file CURRENT, RocksDB would make a new store, and remove the rest.
  Status examine_leftovers() {
    const bool is_new = std::ranges::none_of(
        files_, [](const std::string& name) { return name.ends_with(".sst") || is_log(name); });
    if (is_new && (!witness_.what || std::ranges::all_of(witness_.what->logs, [](const auto& one) {
          return one.second.written.bytes == 0;
        })))
      return found(kind::nothing, {});
    return found(kind::damaged_head, "there are rows, but the file CURRENT is missing");
  }

  Status examine_rows() {
    auto status = read_logs();
    if (!status.ok())
      return status;
    if (witness_.what)
      return compare();
    if (!witness_.is_there && has_old_mark())
      return examine_old_rows();
    if (!witness_.is_there && is_unused())
      return found(kind::whole, {});
    result.what = kind::damaged_logs;
    result.why = witness_.is_there ? "the file witness is not what was written"
                                   : "the file witness is missing";
    return Status::OK();
  }

  // -- by the witness --

  Status compare() {
    const auto& seen = *witness_.what;
    result.known = seen;
    auto name = *current_;
    const bool is_line = name.ends_with('\n');
    if (is_line)
      name.pop_back();
    const auto manifest = seen.manifests.find(name);
    if (!is_line || manifest == seen.manifests.end())
      return found(kind::damaged_head, "the file CURRENT is not what was written");
    auto status = begins_so(name, manifest->second);
    if (!status.ok() || result.what == kind::damaged_logs)
      return status.ok() ? found(kind::damaged_head, std::exchange(result.why, {})) : status;
    for (const auto& [number, log] : seen.logs) {
      status = begins_so(name_of(number), seen.boot == boot_ ? log.written : log.synced);
      if (!status.ok() || result.what == kind::damaged_logs)
        return status;
    }
    if (const auto foreign = foreign_log(seen))
      return found(kind::damaged_logs, "the file " + *foreign + " does not belong to these rows");
    auto ends = look_at_ends(seen.first_log);
    // The newest witness may be lacking, and with it what only that one says of the logs. A kill
    // does not tear a slot. A disk that refuses a write may, and so may a power failure, which has
    // another boot.
    if (ends.ok() && result.what == kind::whole && witness_.has_spoilt_slot && seen.boot == boot_)
      return found(kind::unsynced_end, "a part of the file witness is not what was written");
    return ends;
  }

  /// A log that would be replayed, and that RocksDB did not make here. Where only some logs are
  /// named: one that would be replayed before others, and was not there when a commit to one of
  /// those was witnessed.
  std::optional<std::string> foreign_log(const witness& seen) const {
    for (const auto& [number, log] : logs_)
      if (number >= seen.first_log && log.bytes > 0 && seen.logs.count(number) == 0 &&
          (seen.names_all_logs || seen.logs.upper_bound(number) != seen.logs.end()))
        return name_of(number);
    return std::nullopt;
  }

  /// Looks whether a file begins with what was witnessed; if not, the logs are damaged.
  Status begins_so(const std::string& name, const beginning& what) {
    if (what.bytes == 0)
      return Status::OK();
    if (std::ranges::find(files_, name) == files_.end())
      return found(kind::damaged_logs, "the file " + name + " is missing");
    auto read = checksum_of_file(env_, path_of(name), what.bytes);
    if (!read)
      return read.error();
    const auto& sum = *read;
    if (!sum)
      return found(kind::damaged_logs, "the file " + name + " is shorter than what was written");
    if (*sum != what.sum)
      return found(kind::damaged_logs, "the file " + name + " is not what was written");
    return Status::OK();
  }

  /// What follows in the logs was not witnessed.
  Status look_at_ends(std::uint64_t first_log) {
    result.what = kind::whole;
    std::optional<std::uint64_t> next;
    for (const auto& [number, log] : logs_) {
      if (number < first_log)
        continue;
      const bool is_newest = number == logs_.rbegin()->first;
      if (!log.is_whole() && !(is_newest && log.is_torn))
        return found(kind::unsynced_end, "what follows in " + name_of(number) + " is no record");
      result.is_torn = log.is_torn;
      if (!log.first_change)
        continue;
      if (next && *log.first_change != *next)
        return found(kind::unsynced_end, "records are missing before " + name_of(number));
      next = log.next_change;
    }
    return Status::OK();
  }

  // -- without one --

  /// Version 0.1 kept no witness.
  bool has_old_mark() const {
    return std::ranges::any_of(logs_, [](const auto& one) { return one.second.has_old_mark; });
  }

  /// The process that was to make the first log was killed.
  bool is_unused() const {
    return std::ranges::none_of(files_, [](const auto& name) { return name.ends_with(".sst"); }) &&
           std::ranges::all_of(logs_, [](const auto& one) { return one.second.bytes == 0; });
  }

  Status examine_old_rows() {
    auto status = describe_files();
    if (!status.ok())
      return status;
    for (const auto& [name, all] : result.known.manifests) {
      std::uint64_t bytes = 0;
      status = env_.GetFileSize(path_of(name), &bytes);
      if (!status.ok())
        return status;
      if (bytes != all.bytes)
        return found(kind::damaged_head, "the file " + name + " is not what was written");
    }
    status = look_at_ends(0);
    const bool is_killed = logs_.empty() || logs_.rbegin()->second.bytes % page_bytes == 0;
    if (status.ok() && (result.what != kind::whole || (result.is_torn && !is_killed)))
      return found(kind::damaged_logs,
                   "the log " + name_of(logs_.rbegin()->first) + " is not what was written");
    return status;
  }

  Status describe_files() {
    const auto name = current_->substr(0, current_->find('\n'));
    auto read = read_records(env_, path_of(name), false);
    if (!read)
      return read.error();
    auto status = measure(name, read->whole_bytes, result.known.manifests[name]);
    for (const auto& [number, log] : logs_)
      if (status.ok()) {
        auto& known = result.known.logs[number];
        status = measure(name_of(number), log.whole_bytes, known.written);
        known.synced = known.written;
      }
    return status;
  }

  Status measure(const std::string& name, std::uint64_t bytes, beginning& into) {
    const auto read = checksum_of_file(env_, path_of(name), bytes);
    if (!read)
      return read.error();
    into = {bytes, read->value_or(0)};
    return Status::OK();
  }

  // -- the logs --

  Status read_logs() {
    for (const auto& name : files_)
      if (is_log(name)) {
        auto read = read_records(env_, path_of(name), true);
        if (!read)
          return read.error();
        const auto number = log_number(name);
        logs_[number] = *read;
        names_[number] = name;
      }
    return Status::OK();
  }

  /// Names are numbers with zeros up to six digits.
  std::string name_of(std::uint64_t log) const {
    if (const auto found = names_.find(log); found != names_.end())
      return found->second;
    const auto digits = std::to_string(log);
    constexpr std::size_t digits_min = 6;
    return std::string(digits_min - std::min(digits_min, digits.size()), '0') + digits + ".log";
  }

  rocksdb::Env& env_;
  std::string folder_;
  std::string boot_;
  std::vector<std::string> files_;
  witness_file::content witness_;
  std::optional<std::string> current_; // what is in that file
  std::map<std::uint64_t, record_extent> logs_;
  std::map<std::uint64_t, std::string> names_;
};

} // namespace

wire::result<finding, Status> examine(rocksdb::Env& env, const std::string& folder,
                                      const std::string& boot) {
  examination e{env, folder, boot};
  if (auto status = e.run(); !status.ok())
    return status;
  return std::move(e.result);
}

Status make_witness(rocksdb::Env& env, const std::string& folder, const std::string& boot) {
  examination e{env, folder, boot};
  if (auto status = e.describe(); !status.ok())
    return status;
  return witness_file::make(*env.GetFileSystem(), folder, e.result.known);
}

} // namespace starling::storage

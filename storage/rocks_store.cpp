#include "storage/rocks_store.hpp"

#include "storage/damage_note.hpp"
#include "storage/rocks_failure.hpp"
#include "storage/rocks_log.hpp"
#include "storage/rocks_options.hpp"
#include "storage/rocks_rows.hpp"

#include <algorithm>
#include <filesystem>
#include <rocksdb/env.h>

namespace starling::storage {

namespace {

using rocksdb::Status;

class opening {
public:
  opening(std::string folder, const rocks_settings& settings)
      : folder_(std::move(folder)), options_(rocks_options(settings)), env_(*options_.env),
        note_(env_, folder_) {}

  /// Fills `rows` and `damage`.
  Status open() {
    auto status = prepare_folder();
    if (!status.ok())
      return status;
    damage = note_.read();
    status = is_new_ ? Status::OK() : check_logs(env_, folder_, files_);
    if (status.ok())
      status = open_whole();
    if (status.IsCorruption() && may_have_been_killed_while_writing())
      status = open_without_last_write();
    if (status.IsCorruption())
      status = open_up_to(status);
    if (!status.ok())
      return status;
    if (damage)
      rows->erase_after_commit(note_);
    status = rows->mark_log();
    if (status.ok())
      delete_replayed_logs();
    return status;
  }

  std::unique_ptr<rocks_rows> rows;
  std::optional<std::string> damage;

private:
  /// Makes the folder, if there is none. RocksDB would take one that has lost the file that says
  /// what is in it for a new one, and remove the rest.
  Status prepare_folder() {
    auto status = env_.CreateDirIfMissing(folder_);
    if (status.ok())
      status = sync_folder(env_, std::filesystem::absolute(folder_).parent_path());
    if (status.ok())
      status = env_.GetChildren(folder_, &files_);
    if (!status.ok())
      return status;
    is_new_ = std::ranges::find(files_, "CURRENT") == files_.end();
    const auto is_data = [](std::string_view name) {
      return name.ends_with(".sst") || name.ends_with(".log");
    };
    if (is_new_ && std::ranges::any_of(files_, is_data))
      return Status::Corruption("there are rows, but the file CURRENT is missing");
    return Status::OK();
  }

  Status open_whole() { return open_with(options_); }

  Status open_with(const rocksdb::Options& options) {
    auto result = rocks_rows::open(folder_, options);
    if (auto* status = std::get_if<Status>(&result))
      return *status;
    rows = std::move(std::get<std::unique_ptr<rocks_rows>>(result));
    return Status::OK();
  }

  /// A kill stops a write between two pages, so the log that it leaves ends with a page. Nobody was
  /// told of that commit. Where the log ends within a record elsewhere, something else is wrong.
  bool may_have_been_killed_while_writing() {
    constexpr std::uint64_t page_bytes = 4096;
    const auto newest = newest_log(files_);
    std::uint64_t size = 0;
    return !newest.empty() && env_.GetFileSize(folder_ + "/" + newest, &size).ok() && size > 0 &&
           size % page_bytes == 0;
  }

  Status open_without_last_write() {
    auto options = options_;
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    return open_with(options);
  }

  /// Opens what the log holds up to the damage. The note comes first: from then on, nothing else
  /// tells that something is missing.
  Status open_up_to(const Status& corruption) {
    damage = "what was committed last to the rows in " + folder_ +
             " may be missing: " + corruption.ToString();
    if (const auto status = note_.write(*damage); !status.ok())
      return status;
    options_.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    options_.track_and_verify_wals_in_manifest = false;
    return open_whole();
  }

  /// What they held is in files of rows by now, but RocksDB keeps those without changes. Nothing is
  /// lost if one cannot be deleted.
  void delete_replayed_logs() {
    for (const auto& file : files_)
      if (file.ends_with(".log"))
        env_.DeleteFile(folder_ + "/" + file).PermitUncheckedError();
  }

  std::string folder_;
  rocksdb::Options options_;
  rocksdb::Env& env_;
  damage_note note_;
  std::vector<std::string> files_;
  bool is_new_ = false;
};

/// Whether somebody has the lock. On a disk that takes no writes nobody gets it.
bool is_locked(const failure& why) {
  return why.kind == trouble::broken && why.what.find("/LOCK: ") != std::string::npos;
}

} // namespace

std::variant<opened, failure> open_rocks_store(const std::string& folder,
                                               const rocks_settings& settings) {
  opening o{folder, settings};
  const auto status = o.open();
  if (!status.ok()) {
    auto failed = to_failure("cannot open the rows in " + folder, status);
    if (is_locked(failed))
      failed.what = "the rows in " + folder + " are open already: " + status.ToString();
    return failed;
  }
  return opened{std::move(o.rows), std::move(o.damage)};
}

} // namespace starling::storage

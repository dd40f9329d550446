#include "storage/disk/rocks_store.hpp"

#include "storage/disk/damage_note.hpp"
#include "storage/disk/examination.hpp"
#include "storage/disk/log_repair.hpp"
#include "storage/disk/rocks_failure.hpp"
#include "storage/disk/rocks_options.hpp"
#include "storage/disk/rocks_rows.hpp"
#include "storage/disk/watched_disk.hpp"
#include "wire/result.hpp"

#include <filesystem>
#include <rocksdb/env.h>

namespace starling::storage {

namespace {

using rocksdb::Status;

class store_opening {
public:
  store_opening(std::string folder, const rocks_settings& settings)
      : folder_(std::move(folder)), options_(rocks_options(settings)), env_(*options_.env),
        boot_(settings.boot.empty() ? boot_of_machine() : settings.boot), note_(env_, folder_),
        takes_damage_(settings.takes_damage),
        shown_(std::make_shared<showing_disk>(env_.GetFileSystem())) {}

  /// Fills `result`.
  Status open() {
    auto status = open_rocks_folder();
    if (!status.ok())
      return status;
    auto examined = examine(env_, folder_, boot_);
    if (!examined)
      return examined.error();
    found_ = *std::move(examined);
    result.damage = note_.read();
    hide_logs_done_with();
    switch (found_.what) {
    case finding::kind::nothing:
    case finding::kind::whole:
      if (found_.is_torn)
        options_.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
      break;
    case finding::kind::unsynced_end:
      status = prepare_for_unsynced_end();
      break;
    case finding::kind::damaged_logs:
      if (!takes_damage_)
        return Status::Corruption(found_.why);
      result.is_patchwork = found_.why;
      gap_is_ = gap_watch::gap_is::passed_over;
      status = repair_logs(behind_damage::kept);
      break;
    case finding::kind::damaged_head:
      return Status::IOError(found_.why);
    }
    if (!status.ok())
      return status;
    return takes_damage_ ? open_to_read() : open_to_write();
  }

  /// Fills `result`, and changes nothing. What stands in a note is no hindrance: nothing will be
  /// numbered.
  Status open_for_reading() {
    auto examined = examine(env_, folder_, boot_);
    if (!examined)
      return examined.error();
    found_ = *std::move(examined);
    hide_logs_done_with();
    switch (found_.what) {
    case finding::kind::nothing:
      return Status::NotFound("there are no rows yet");
    case finding::kind::whole:
      if (found_.is_torn)
        options_.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
      break;
    case finding::kind::unsynced_end:
      replay_what_can_be();
      break;
    case finding::kind::damaged_logs:
      return Status::Corruption(found_.why);
    case finding::kind::damaged_head:
      return Status::IOError(found_.why);
    }
    return open_to_read();
  }

  failure to_failure(const std::string& cannot, const Status& status) const {
    auto failed = storage::to_failure(cannot, status);
    if (found_.what == finding::kind::damaged_head)
      failed.kind = trouble::missing;
    return failed;
  }

  opened result;

private:
  Status open_rocks_folder() {
    auto status = env_.CreateDirIfMissing(folder_);
    if (status.ok())
      status = sync_folder(env_, std::filesystem::absolute(folder_).parent_path());
    return status.ok() ? env_.GetChildren(folder_, &files_) : status;
  }

  /// RocksDB is to end the replay where the records end. The note comes first: from then on,
  /// nothing else tells that something may be missing.
  Status prepare_for_unsynced_end() {
    replay_what_can_be();
    if (!result.damage)
      result.damage =
          "what was committed last to the rows in " + folder_ + " may be missing: " + found_.why;
    return takes_damage_ ? repair_logs(behind_damage::left_out) : note_.write(*result.damage);
  }

  /// A log below the first one is done with, or does not belong there. Where the logs are damaged,
  /// nobody knows which one was the first.
  void hide_logs_done_with() {
    if (found_.what != finding::kind::damaged_logs)
      shown_->hide_logs_below(folder_, found_.known.first_log);
  }

  /// RocksDB is to see only the records of the logs that are whole. Where they are to end at
  /// damage, that in a log which is done with is none.
  Status repair_logs(behind_damage is) {
    const auto first = is == behind_damage::left_out ? found_.known.first_log : 0;
    std::map<std::uint64_t, std::string> logs;
    for (const auto& name : files_)
      if (is_log(name) && log_number(name) >= first)
        logs[log_number(name)] = name;
    bool goes_on = true;
    for (const auto& [number, name] : logs) {
      const auto path = folder_ + "/" + name;
      auto read = repair_log(env_, path, is);
      if (!read)
        return read.error();
      auto& log = *read;
      if (result.is_patchwork)
        *result.is_patchwork += "; " + std::to_string(log.records) + " records of " + name +
                                " are whole, " + std::to_string(log.left_bytes) +
                                " bytes of it are left out";
      shown_->show(path, goes_on ? std::move(log.bytes) : std::string{});
      goes_on = is == behind_damage::kept || (goes_on && log.is_all());
    }
    return Status::OK();
  }

  void replay_what_can_be() {
    options_.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  }

  Status open_to_read() {
    auto read = rocks_rows::open_to_read(folder_, options_, gap_is_, shown_);
    if (!read)
      return read.error();
    result.rows = *std::move(read);
    return Status::OK();
  }

  Status open_to_write() {
    const auto disk = std::make_shared<watched_disk>(shown_, folder_, std::move(found_.known));
    auto made = rocks_rows::open(folder_, options_, disk);
    if (!made)
      return made.error();
    auto rows = *std::move(made);
    if (auto status = disk->opened(); !status.ok())
      return status;
    if (result.damage)
      rows->erase_after_commit(note_);
    delete_replayed_logs(*disk);
    result.rows = std::move(rows);
    return Status::OK();
  }

  /// What they held is in files of rows by now, but RocksDB keeps those without changes. Nothing is
  /// lost if one cannot be deleted.
  void delete_replayed_logs(watched_disk& disk) const {
    for (const auto& file : files_)
      if (is_log(file))
        disk.DeleteFile(folder_ + "/" + file, {}, nullptr).PermitUncheckedError();
  }

  std::string folder_;
  rocksdb::Options options_;
  rocksdb::Env& env_;
  std::string boot_;
  damage_note note_;
  bool takes_damage_;
  gap_watch::gap_is gap_is_ = gap_watch::gap_is::end; // to who only reads
  std::shared_ptr<showing_disk> shown_;               // to RocksDB
  std::vector<std::string> files_;                    // before it is opened
  finding found_;
};

/// Whether somebody has the lock. On a disk that takes no writes nobody gets it.
bool is_locked(const failure& why) {
  return why.kind == trouble::broken && why.what.find("/LOCK: ") != std::string::npos;
}

} // namespace

wire::result<opened, failure> open_rocks_store(const std::string& folder,
                                               const rocks_settings& settings) {
  store_opening o{folder, settings};
  const auto status = o.open();
  if (!status.ok()) {
    auto failed = o.to_failure("cannot open the rows in " + folder, status);
    if (is_locked(failed))
      failed.what = "the rows in " + folder + " are open already: " + status.ToString();
    return failed;
  }
  return std::move(o.result);
}

wire::result<std::unique_ptr<store>, failure>
open_rocks_store_to_read(const std::string& folder, const rocks_settings& settings) {
  store_opening o{folder, settings};
  if (const auto status = o.open_for_reading(); !status.ok())
    return o.to_failure("cannot open the rows in " + folder + " to read them", status);
  return std::move(o.result.rows);
}

} // namespace starling::storage

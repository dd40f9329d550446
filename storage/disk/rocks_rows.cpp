#include "storage/disk/rocks_rows.hpp"

#include "storage/disk/examination.hpp"
#include "storage/disk/rocks_failure.hpp"
#include "wire/result.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <rocksdb/env.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/utilities/checkpoint.h>

namespace starling::storage {

namespace {

// What RocksDB adds to the name and the value of a row in a batch, at most about.
constexpr std::size_t bytes_around_row = 8;

// A search for one name costs as much as some steps of an iterator, and asks the filters.
constexpr std::size_t few_names = 16;
constexpr int steps_max = 8;

/// Latches what fails in the background, and keeps RocksDB from going on after it.
class error_listener : public rocksdb::EventListener {
public:
  error_listener(latch& failed, std::string folder) : failed_(failed), folder_(std::move(folder)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    failed_.set(to_failure("cannot write the rows in " + folder_, *status));
  }

  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* go_on) override {
    *go_on = false;
  }

private:
  latch& failed_;
  std::string folder_;
};

class rocks_snapshot : public snapshot {
public:
  rocks_snapshot(rocksdb::DB& db, rocksdb::ReadTier tier, std::string cannot)
      : db_(db), cannot_(std::move(cannot)) {
    rocksdb::SetPerfLevel(rocksdb::kDisable); // of this thread
    options_.read_tier = tier;
    options_.snapshot = db_.GetSnapshot();
  }
  ~rocks_snapshot() override { db_.ReleaseSnapshot(options_.snapshot); }
  rocks_snapshot(const rocks_snapshot&) = delete;
  rocks_snapshot& operator=(const rocks_snapshot&) = delete;

  wire::result<std::optional<std::string>, failure> find(std::string_view name) const override {
    std::string value;
    const auto status = db_.Get(options_, name, &value);
    if (status.IsNotFound())
      return std::nullopt;
    if (!status.ok())
      return to_failure(cannot_, status);
    return std::optional{std::move(value)};
  }

  /// Names that lie close together are found by walking over what is between them.
  wire::possible<failure> find_all(const std::vector<std::string>& names,
                                   const finder& see) const override {
    if (names.size() <= few_names)
      return snapshot::find_all(names, see);
    const std::string end = names.back() + '\0';
    const rocksdb::Slice bound{end};
    auto options = options_;
    options.iterate_upper_bound = &bound;
    const std::unique_ptr<rocksdb::Iterator> at{db_.NewIterator(options)};
    at->Seek(names.front());
    for (std::size_t i = 0; i < names.size() && at->Valid(); ++i) {
      for (int steps = 0; at->Valid() && at->key().compare(names[i]) < 0; ++steps)
        steps < steps_max ? at->Next() : at->Seek(names[i]);
      if (at->Valid() && at->key() == names[i])
        see(i, at->value().ToStringView());
    }
    return at->status().ok() ? std::nullopt : std::optional{to_failure(cannot_, at->status())};
  }

  wire::possible<failure> scan(std::string_view first, std::string_view end,
                               const visitor& see) const override {
    if (first >= end)
      return std::nullopt;
    const rocksdb::Slice bound{end};
    auto options = options_;
    options.iterate_upper_bound = &bound;
    const std::unique_ptr<rocksdb::Iterator> at{db_.NewIterator(options)};
    for (at->Seek(first); at->Valid(); at->Next())
      if (!see(at->key().ToStringView(), at->value().ToStringView()))
        return std::nullopt;
    return at->status().ok() ? std::nullopt : std::optional{to_failure(cannot_, at->status())};
  }

private:
  rocksdb::DB& db_;
  rocksdb::ReadOptions options_;
  std::string cannot_;
};

} // namespace

rocks_rows::rocks_rows(std::string folder, const std::shared_ptr<rocksdb::FileSystem>& disk,
                       const rocksdb::Options& options, gap_watch::gap_is gap)
    : folder_(std::move(folder)), machine_(disk ? machine_with(*options.env, disk) : nullptr),
      env_(machine_ ? *machine_ : *options.env), watch_(gap), syncs_(&env_) {}

rocks_rows::opened_rows rocks_rows::open(const std::string& folder, rocksdb::Options options,
                                         const std::shared_ptr<watched_disk>& disk) {
  std::unique_ptr<rocks_rows> result{
      new rocks_rows{folder, disk, options, gap_watch::gap_is::damage}};
  result->disk_ = disk;
  options.listeners.push_back(std::make_shared<error_listener>(result->failed_, folder));
  options.wal_filter = &result->watch_;
  options.env = &result->syncs_.env();
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::Open(options, folder, &db);
  if (!status.ok())
    return status;
  result->db_.reset(db);
  return result;
}

rocks_rows::opened_rows rocks_rows::open_to_read(const std::string& folder,
                                                 rocksdb::Options options, gap_watch::gap_is gap,
                                                 const std::shared_ptr<rocksdb::FileSystem>& disk) {
  std::unique_ptr<rocks_rows> result{new rocks_rows{folder, disk, options, gap}};
  result->failed_.set({trouble::read_only, "the rows in " + folder + " are open to be read only"});
  options.wal_filter = &result->watch_;
  options.env = &result->env_;
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::OpenForReadOnly(options, folder, &db);
  if (!status.ok())
    return status;
  result->db_.reset(db);
  return result;
}

wire::possible<failure> rocks_rows::commit(const std::vector<batch>& batches, bool synced) {
  std::size_t bytes = 0;
  for (const auto& one : batches)
    bytes += one.bytes() + one.size() * bytes_around_row;
  rocksdb::WriteBatch all{bytes};
  for (const auto& one : batches) {
    rocksdb::Status added;
    one.for_each([&](const batch::change& c) {
      added = c.appends ? all.Merge(c.name, *c.value)
              : c.value ? all.Put(c.name, *c.value)
                        : all.Delete(c.name);
      return added.ok();
    });
    if (!added.ok())
      return latched(added);
  }
  if (all.Count() == 0)
    return synced ? sync() : failed_.get();
  rocksdb::SetPerfLevel(rocksdb::kDisable); // of this thread: counting comparisons is dear
  rocksdb::WriteOptions options;
  options.sync = synced;
  const auto syncs = syncs_.count();
  bool is_tried = false; // else it is refused for an earlier failure
  rocksdb::Status status;
  auto failed = write(
      [&] {
        is_tried = true;
        return status = db_->Write(options, &all);
      },
      synced);
  // Where the machine failed before any sync of the log was tried, the record is not whole.
  const bool is_cut_short = status.IsIOError() && syncs_.count() == syncs;
  if (failed)
    failed->may_be_done = is_tried && !is_cut_short;
  return failed;
}

wire::possible<failure> rocks_rows::sync() {
  return write([&] { return db_->SyncWAL(); }, true);
}

template <class Write>
wire::possible<failure> rocks_rows::write(const Write& write, bool synced) {
  if (auto failed = failed_.get())
    return failed;
  rocksdb::Status status = write();
  if (status.ok() && disk_)
    status = disk_->committed();
  if (!status.ok())
    return latched(status);
  if (synced && note_) {
    note_->erase();
    note_.reset();
  }
  return std::nullopt;
}

failure rocks_rows::latched(const rocksdb::Status& status) {
  return failed_.set(to_failure("cannot write the rows in " + folder_, status));
}

std::unique_ptr<const snapshot> rocks_rows::now() const {
  return std::make_unique<rocks_snapshot>(*db_, rocksdb::kReadAllTier,
                                          "cannot read the rows in " + folder_);
}

std::unique_ptr<const snapshot> rocks_rows::now_in_memory() const {
  return std::make_unique<rocks_snapshot>(*db_, rocksdb::kBlockCacheTier,
                                          "not in memory of the rows in " + folder_);
}

std::vector<std::string> rocks_rows::parts() const {
  std::vector<rocksdb::LiveFileMetaData> files;
  db_->GetLiveFilesMetaData(&files);
  std::vector<std::string> result;
  for (const auto& file : files)
    result.push_back(file.name);
  return result;
}

wire::possible<failure> rocks_rows::verify(const std::string& part) const {
  rocksdb::Options options;
  options.env = &env_;
  rocksdb::SstFileReader file{options};
  auto status = file.Open(folder_ + part);
  if (status.ok())
    status = file.VerifyChecksum();
  if (status.ok() || std::ranges::count(parts(), part) == 0)
    return std::nullopt;
  return to_failure("damaged rows in " + folder_ + part, status);
}

wire::possible<failure> rocks_rows::copy_to(const std::string& folder) {
  // With the log, rather than after a flush, which might fail and latch the store.
  constexpr auto never_flush = std::numeric_limits<std::uint64_t>::max();
  const auto target = std::filesystem::absolute(folder);
  rocksdb::Checkpoint* made = nullptr;
  auto status = rocksdb::Checkpoint::Create(db_.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint{made};
  if (status.ok())
    status = checkpoint->CreateCheckpoint(target, never_flush);
  if (status.ok())
    status = make_witness(env_, target, boot_of_machine());
  if (status.ok())
    status = sync_folder(env_, target.parent_path());
  if (status.ok())
    return std::nullopt;
  return to_failure("cannot copy the rows in " + folder_ + " to " + folder, status);
}

} // namespace starling::storage

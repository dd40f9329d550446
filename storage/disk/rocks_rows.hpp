#pragma once

// The store that an open RocksDB is. Whoever opens a folder goes through `open_rocks_store`, which
// knows what to do about damage.

#include "storage/disk/damage_note.hpp"
#include "storage/disk/rocks_log.hpp"
#include "storage/disk/sync_watch.hpp"
#include "storage/disk/watched_disk.hpp"
#include "storage/store.hpp"
#include "wire/result.hpp"

#include <mutex>
#include <rocksdb/db.h>

namespace starling::storage {

/// The first failure to write, from whichever thread: none after it counts.
class latch {
public:
  wire::possible<failure> get() const {
    const std::lock_guard guard{mutex_};
    return first_;
  }

  /// The first one, which is this one if there was none.
  failure set(failure f) {
    const std::lock_guard guard{mutex_};
    return first_ ? *first_ : first_.emplace(std::move(f));
  }

private:
  mutable std::mutex mutex_;
  std::optional<failure> first_;
};

class rocks_rows : public store {
public:
  using opened_rows = wire::result<std::unique_ptr<rocks_rows>, rocksdb::Status>;

  /// `disk` watches this folder, and is what the options name but for that.
  static opened_rows open(const std::string& folder, rocksdb::Options options,
                          const std::shared_ptr<watched_disk>& disk);

  /// Opens what can be read. No commit succeeds, and nothing in the folder changes. `disk` is what
  /// RocksDB reads from, the one that the options name if null.
  static opened_rows open_to_read(const std::string& folder, rocksdb::Options options,
                                  gap_watch::gap_is gap,
                                  const std::shared_ptr<rocksdb::FileSystem>& disk = nullptr);

  /// Has the next synced commit erase a note.
  void erase_after_commit(damage_note note) { note_ = std::move(note); }

  wire::possible<failure> commit(const std::vector<batch>& batches, bool synced) override;
  wire::possible<failure> sync() override;
  std::unique_ptr<const snapshot> now() const override;
  std::unique_ptr<const snapshot> now_in_memory() const override;
  std::vector<std::string> parts() const override;
  wire::possible<failure> verify(const std::string& part) const override;
  wire::possible<failure> copy_to(const std::string& folder) override;

private:
  rocks_rows(std::string folder, const std::shared_ptr<rocksdb::FileSystem>& disk,
             const rocksdb::Options& options, gap_watch::gap_is gap);

  template <class Write>
  wire::possible<failure> write(const Write& write, bool synced);
  failure latched(const rocksdb::Status& status);

  std::string folder_;
  std::shared_ptr<watched_disk> disk_;    // none if nothing is written
  std::unique_ptr<rocksdb::Env> machine_; // with a disk of ours, if there is one
  rocksdb::Env& env_;
  std::optional<damage_note> note_;
  // RocksDB speaks to these until it is closed, which is thus first.
  latch failed_;
  gap_watch watch_;
  sync_watch syncs_;
  std::unique_ptr<rocksdb::DB> db_;
};

} // namespace starling::storage

#pragma once

// Whether RocksDB has tried to sync its log, which tells what a failed commit left behind.
//
// RocksDB writes the record of a commit to the log, and then syncs the log. If the write fails, the
// record is not whole, so it is dropped when the log is replayed. If the sync fails, the record may
// be on the disk or not, and nobody knows. The status of RocksDB is the same in both cases.

#include <atomic>
#include <cstdint>
#include <memory>
#include <rocksdb/env.h>

namespace starling::storage {

class sync_watch {
public:
  /// Watches what goes to this machine.
  explicit sync_watch(rocksdb::Env* machine);

  /// The machine as RocksDB is to see it. The watch outlives whatever uses it.
  rocksdb::Env& env() { return *env_; }

  /// How many syncs of logs were begun. From any thread.
  std::uint64_t count() const { return *count_; }

private:
  std::shared_ptr<std::atomic<std::uint64_t>> count_;
  std::unique_ptr<rocksdb::Env> env_;
};

} // namespace starling::storage

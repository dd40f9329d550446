#pragma once

// Watches the log while RocksDB replays it, for damage that RocksDB does not see: it skips the rest
// of a block that reads as zeros, and an empty or missing log is one without records to it.
//
// Each record says which number its first change has, and how many changes it carries, so that a
// gap shows. And each log of ours begins with a mark, a record without changes, so that there is
// none without a record. What the watch cannot see: that the log lost whole records at its end.

#include <cstdint>
#include <optional>
#include <rocksdb/wal_filter.h>
#include <rocksdb/write_batch.h>

namespace starling::storage {

class log_watch : public rocksdb::WalFilter {
public:
  WalProcessingOption LogRecordFound(unsigned long long log, const std::string& file,
                                     const rocksdb::WriteBatch& record,
                                     rocksdb::WriteBatch* changed, bool* is_changed) override;

  const char* Name() const override { return "starling log watch"; }

  /// Some record was replayed.
  bool saw_records() const { return next_.has_value(); }

private:
  std::optional<std::uint64_t> next_; // the number that the next change must have
};

/// A record for the log that changes nothing.
rocksdb::WriteBatch log_mark();

} // namespace starling::storage

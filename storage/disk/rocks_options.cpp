#include "storage/disk/rocks_options.hpp"

#include "storage/disk/rocks_messages.hpp"
#include "storage/layout.hpp"

#include <algorithm>
#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

namespace starling::storage {

namespace {

constexpr double filter_bits_per_name = 10;
constexpr int open_files_max = 256;
constexpr std::uint64_t manifest_bytes_max = std::uint64_t{64} << 20;
constexpr std::uint64_t sync_every_bytes = std::uint64_t{1} << 20;

rocksdb::CompressionType compression() {
  const auto all = rocksdb::GetSupportedCompressions();
  const bool found = std::ranges::find(all, rocksdb::kLZ4Compression) != all.end();
  return found ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

/// Puts together what was appended to a row. It never fails, for a row that is not what was written
/// is a matter of who reads it.
class appending : public rocksdb::MergeOperator {
public:
  const char* Name() const override { return "starling.append"; }

  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override {
    std::string row;
    if (in.existing_value != nullptr)
      row.assign(in.existing_value->data(), in.existing_value->size());
    for (const auto& more : in.operand_list)
      row.append(more.data(), more.size());
    out->new_value = appended(in.key.ToStringView(), std::move(row));
    return true;
  }

  bool PartialMergeMulti(const rocksdb::Slice&, const std::deque<rocksdb::Slice>& parts,
                         std::string* whole, rocksdb::Logger*) const override {
    whole->clear();
    for (const auto& more : parts)
      whole->append(more.data(), more.size());
    return true;
  }
};

/// Drops rows of which nothing is left: to who reads them they say the same as none.
class tidying : public rocksdb::CompactionFilter {
public:
  const char* Name() const override { return "starling.tidy"; }

  bool Filter(int, const rocksdb::Slice& name, const rocksdb::Slice& row, std::string*,
              bool*) const override {
    return row.empty() && is_of_index(name.ToStringView());
  }
};

void set_rows(const rocks_settings& settings, rocksdb::Options& options) {
  static const tidying filter; // RocksDB takes no part in owning it
  options.merge_operator = std::make_shared<appending>();
  if (!settings.takes_damage) // in format 1 rows of this letter were empty
    options.compaction_filter = &filter;
}

void set_tables(const rocks_settings& settings, rocksdb::Options& options) {
  rocksdb::BlockBasedTableOptions tables;
  tables.block_cache = rocksdb::NewLRUCache(settings.block_cache_bytes);
  tables.cache_index_and_filter_blocks = true;
  tables.filter_policy.reset(rocksdb::NewBloomFilterPolicy(filter_bits_per_name));
  tables.whole_key_filtering = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(tables));
  options.compression = compression();
  options.level_compaction_dynamic_level_bytes = true;
}

void set_bounds(const rocks_settings& settings, rocksdb::Options& options) {
  options.write_buffer_size = settings.write_buffer_bytes;
  // Rows of one kind, which their first letter tells, come in their order: each is looked for next
  // to the last one. That halves what it costs to replace or delete many that are still in memory.
  options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  options.max_write_buffer_number = 2;
  options.max_background_jobs = 2;
  options.max_open_files = open_files_max;
  options.max_manifest_file_size = manifest_bytes_max;
  options.bytes_per_sync = sync_every_bytes;
}

void set_messages(const rocks_settings& settings, rocksdb::Options& options) {
  options.info_log = std::make_shared<rocks_messages>(settings.tell);
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
}

void set_checks(const rocks_settings& settings, rocksdb::Options& options) {
  options.paranoid_checks = !settings.takes_damage;
  options.disable_auto_compactions = settings.takes_damage;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  // The witness says more than RocksDB's own list of logs. Where that list is not kept but there,
  // from version 0.1, it must be checked to read without writing: RocksDB would try to remove it.
  options.track_and_verify_wals_in_manifest = settings.takes_damage;
  options.max_bgerror_resume_count = 0;
}

} // namespace

rocksdb::Options rocks_options(const rocks_settings& settings) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.env = settings.env ? settings.env : rocksdb::Env::Default();
  set_rows(settings, options);
  set_tables(settings, options);
  set_bounds(settings, options);
  set_messages(settings, options);
  set_checks(settings, options);
  return options;
}

} // namespace starling::storage

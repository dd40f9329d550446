#include "storage/disk/log_repair.hpp"

#include "storage/disk/file_names.hpp"
#include "storage/disk/log_pieces.hpp"
#include "wire/result.hpp"

#include <algorithm>
#include <cstring>
#include <rocksdb/write_batch.h>
#include <utility>

namespace starling::storage {

namespace {

using rocksdb::IOStatus;
using rocksdb::Status;

// Of a record that holds no change.
constexpr std::size_t record_bytes_min = 12;

/// Takes the changes that we make, in the only column family that we have.
class our_changes : public rocksdb::WriteBatch::Handler {
public:
  Status MergeCF(std::uint32_t family, const rocksdb::Slice&, const rocksdb::Slice&) override {
    return family == 0 ? Status::OK() : Status::NotSupported();
  }
  void LogData(const rocksdb::Slice&) override {}
};

/// The checksums say that somebody wrote it, not that he was one of us.
bool can_be_replayed(const std::string& record) {
  our_changes take;
  return record.size() >= record_bytes_min && rocksdb::WriteBatch{record}.Iterate(&take).ok();
}

class repair {
public:
  explicit repair(behind_damage is) : behind_(is) {}

  /// The next block, which is shorter than a whole one only at the end. Whether the repair goes on.
  bool take(std::string_view block) {
    std::size_t at = 0;
    while (at + piece_head_bytes <= block.size()) {
      const auto next = piece_at(block, at);
      if (!next) {
        leave_record();
        break;
      }
      take_piece(*next);
      at += next->bytes();
    }
    if (at + piece_head_bytes <= block.size() || block.size() < block_bytes)
      result.left_bytes += block.size() - at;
    return behind_ == behind_damage::kept || result.is_all();
  }

  void end() { leave_record(); }

  repaired_log result;

private:
  void take_piece(const piece& p) {
    if (p.begins())
      leave_record();
    pieces_bytes_ += p.bytes();
    has_begun_ = has_begun_ || p.begins();
    record_ += p.content;
    if (!p.ends())
      return;
    if (!can_be_taken())
      return leave_record();
    append_record(result.bytes, record_);
    ++result.records;
    pieces_bytes_ = 0;
    leave_record();
  }

  bool can_be_taken() const {
    return has_begun_ && (behind_ == behind_damage::kept || result.is_all()) &&
           can_be_replayed(record_);
  }

  void leave_record() {
    result.left_bytes += std::exchange(pieces_bytes_, 0);
    has_begun_ = false;
    record_.clear();
  }

  behind_damage behind_;
  std::string record_; // as far as it was read
  bool has_begun_ = false;
  std::uint64_t pieces_bytes_ = 0; // of that record
};

class shown_file : public rocksdb::FSSequentialFile {
public:
  explicit shown_file(const std::string& content) : left_(content) {}

  IOStatus Read(std::size_t bytes, const rocksdb::IOOptions&, rocksdb::Slice* result, char* scratch,
                rocksdb::IODebugContext*) override {
    const auto part = left_.substr(0, bytes);
    std::memcpy(scratch, part.data(), part.size());
    *result = {scratch, part.size()};
    return Skip(part.size());
  }

  IOStatus Skip(std::uint64_t bytes) override {
    left_.remove_prefix(std::min<std::uint64_t>(bytes, left_.size()));
    return IOStatus::OK();
  }

private:
  std::string_view left_;
};

} // namespace

wire::result<repaired_log, Status> repair_log(rocksdb::Env& env, const std::string& path,
                                              behind_damage is) {
  repair records{is};
  const auto status =
      for_blocks(env, path, [&](std::string_view block) { return records.take(block); });
  if (!status.ok())
    return status;
  records.end();
  return std::move(records.result);
}

void showing_disk::show(const std::string& path, std::string content) {
  shown_[without_slash(path)] = std::move(content);
}

void showing_disk::hide_logs_below(const std::string& folder, std::uint64_t first) {
  first_logs_[without_slash(folder)] = first;
}

IOStatus showing_disk::GetChildren(const std::string& folder, const rocksdb::IOOptions& options,
                                   std::vector<std::string>* result,
                                   rocksdb::IODebugContext* context) {
  auto status = target()->GetChildren(folder, options, result, context);
  if (const auto found = first_logs_.find(without_slash(folder)); found != first_logs_.end())
    std::erase_if(*result, [first = found->second](const auto& name) {
      return is_log(name) && log_number(name) < first;
    });
  return status;
}

IOStatus showing_disk::NewSequentialFile(const std::string& path,
                                         const rocksdb::FileOptions& options,
                                         std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                         rocksdb::IODebugContext* context) {
  const auto found = shown_.find(without_slash(path));
  if (found == shown_.end())
    return target()->NewSequentialFile(path, options, result, context);
  *result = std::make_unique<shown_file>(found->second);
  return IOStatus::OK();
}

} // namespace starling::storage

#include "storage/disk/rocks_log.hpp"

#include "storage/disk/checksum.hpp"
#include "storage/disk/log_pieces.hpp"
#include "wire/result.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace starling::storage {

namespace {

using rocksdb::Status;

// A record of a log begins with the number of its first change, and how many there are.
constexpr std::size_t number_bytes = 8;
constexpr std::size_t record_head_bytes = 12;

// What version 0.1 began each of its logs with.
constexpr std::string_view mark_of_old{"\x03\x08starling", 10};

/// Walks over the blocks of a file until a record is not whole.
class walk {
public:
  explicit walk(bool is_log) : is_log_(is_log) {}

  /// The next block, which is shorter than a whole one only at the end. Whether the walk goes on.
  bool take(std::string_view block) {
    std::size_t at = 0;
    while (at + piece_head_bytes <= block.size()) {
      const auto next = piece_at(block, at);
      result.is_torn = !next && may_be_cut(block, at);
      if (!next || !take_piece(*next))
        return false;
      at += next->bytes();
      if (!is_within_)
        result.whole_bytes = result.bytes + at;
    }
    const auto rest = block.substr(at);
    result.bytes += block.size();
    if (block.size() < block_bytes) // the last one
      return true;
    if (std::ranges::any_of(rest, [](char c) { return c != 0; }))
      return false;
    if (!is_within_)
      result.whole_bytes = result.bytes;
    return true;
  }

  record_extent result;

private:
  bool take_piece(const piece& p) {
    if (p.begins() == is_within_)
      return false;
    is_within_ = !p.ends();
    if (p.begins())
      head_.clear();
    head_ += p.content.substr(0, record_head_bytes - std::min(record_head_bytes, head_.size()));
    if (p.begins() && result.whole_bytes == 0)
      result.has_old_mark =
          p.content.substr(std::min(p.content.size(), record_head_bytes)) == mark_of_old;
    return is_within_ || !is_log_ || take_numbers();
  }

  bool take_numbers() {
    if (head_.size() < record_head_bytes)
      return false;
    const auto number = little_endian(std::string_view{head_}.substr(0, number_bytes));
    const auto changes = little_endian(std::string_view{head_}.substr(number_bytes));
    if (result.first_change && number != result.next_change)
      return false;
    if (!result.first_change)
      result.first_change = number;
    result.next_change = number + changes;
    return true;
  }

  bool is_log_;
  bool is_within_ = false; // a record
  std::string head_;       // of that record
};

} // namespace

wire::result<record_extent, Status> read_records(rocksdb::Env& env, const std::string& path,
                                                 bool is_log) {
  walk records{is_log};
  bool goes_on = true;
  auto status =
      for_blocks(env, path, [&](std::string_view block) { return goes_on = records.take(block); });
  auto& result = records.result;
  if (status.ok())
    status = env.GetFileSize(path, &result.bytes);
  if (!status.ok())
    return status;
  result.is_torn = result.is_torn || (goes_on && !result.is_whole());
  return result;
}

wire::result<std::optional<std::uint32_t>, Status>
checksum_of_file(rocksdb::Env& env, const std::string& path, std::uint64_t bytes) {
  checksum sum;
  auto left = bytes;
  const auto status = for_blocks(env, path, [&](std::string_view block) {
    block = block.substr(0, left);
    sum.add(block);
    left -= block.size();
    return left > 0;
  });
  if (!status.ok())
    return status;
  return left == 0 ? std::optional{sum.value()} : std::nullopt;
}

rocksdb::WalFilter::WalProcessingOption gap_watch::LogRecordFound(unsigned long long,
                                                                  const std::string&,
                                                                  const rocksdb::WriteBatch& record,
                                                                  rocksdb::WriteBatch*, bool*) {
  const auto number = little_endian(std::string_view{record.Data()}.substr(0, number_bytes));
  if (next_ && number < *next_ && gap_is_ == gap_is::passed_over)
    return WalProcessingOption::kIgnoreCurrentRecord;
  if (next_ && number != *next_ && gap_is_ != gap_is::passed_over)
    return gap_is_ == gap_is::end ? WalProcessingOption::kStopReplay
                                  : WalProcessingOption::kCorruptedRecord;
  next_ = number + static_cast<std::uint64_t>(record.Count());
  return WalProcessingOption::kContinueProcessing;
}

} // namespace starling::storage

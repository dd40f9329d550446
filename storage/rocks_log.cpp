#include "storage/rocks_log.hpp"

#include "storage/checksum.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <string_view>
#include <utility>

namespace starling::storage {

namespace {

using rocksdb::Status;

// A file of records is blocks of this size; a record is one piece or several, none of which crosses
// the end of a block; a piece begins with a checksum of four bytes, the two bytes of its length,
// and its type. What is too short for that at the end of a block is zeros.
constexpr std::size_t block_bytes = 32'768;
constexpr std::size_t piece_head_bytes = 7;

// A record of a log begins with the number of its first change, and how many there are.
constexpr std::size_t number_bytes = 8;
constexpr std::size_t record_head_bytes = 12;

// What version 0.1 began each of its logs with.
constexpr std::string_view mark_of_old{"\x03\x08starling", 10};

enum piece_type : std::uint8_t { all_of_it = 1, first = 2, middle = 3, last = 4 };

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    result |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (i * CHAR_BIT);
  return result;
}

/// As RocksDB writes it down.
std::uint32_t masked(std::uint32_t sum) {
  return ((sum >> 15) | (sum << 17)) + 0xa282ead8U;
}

/// Walks over the blocks of a file until a record is not whole.
class walk {
public:
  explicit walk(bool is_log) : is_log_(is_log) {}

  /// The next block, which is shorter than a whole one only at the end. Whether the walk goes on.
  bool take(std::string_view block) {
    std::size_t at = 0;
    while (at + piece_head_bytes <= block.size()) {
      const auto head = block.substr(at, piece_head_bytes);
      const auto bytes = little_endian(head.substr(4, 2));
      const auto type = static_cast<std::uint8_t>(head[6]);
      if (at + piece_head_bytes + bytes > block.size()) {
        result.is_torn = type >= all_of_it && type <= last && block.size() < block_bytes;
        return false;
      }
      const auto summed = block.substr(at + piece_head_bytes - 1, 1 + bytes);
      if (masked(crc32c_of(summed)) != little_endian(head.substr(0, 4)) ||
          !take_piece(type, summed.substr(1)))
        return false;
      at += piece_head_bytes + bytes;
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
  bool take_piece(std::uint8_t type, std::string_view content) {
    const bool begins = type == all_of_it || type == first;
    if ((!begins && type != middle && type != last) || begins == is_within_)
      return false;
    is_within_ = type == first || type == middle;
    if (begins)
      head_.clear();
    head_ += content.substr(0, record_head_bytes - std::min(record_head_bytes, head_.size()));
    if (begins && result.whole_bytes == 0)
      result.has_old_mark =
          content.substr(std::min(content.size(), record_head_bytes)) == mark_of_old;
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

/// Shows a file block by block, until `see` says false.
template <class Visitor>
Status for_blocks(rocksdb::Env& env, const std::string& path, Visitor see) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  auto status = env.NewSequentialFile(path, &file, {});
  std::array<char, block_bytes> bytes;
  rocksdb::Slice block;
  while (status.ok() && (status = file->Read(bytes.size(), &block, bytes.data())).ok())
    if (!block.empty() && !see(block.ToStringView()))
      return status;
    else if (block.size() < bytes.size())
      break;
  return status;
}

} // namespace

std::variant<record_extent, Status> read_records(rocksdb::Env& env, const std::string& path,
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

std::variant<std::optional<std::uint32_t>, Status>
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
  if (next_ && number != *next_)
    return gap_is_ == gap_is::end ? WalProcessingOption::kStopReplay
                                  : WalProcessingOption::kCorruptedRecord;
  next_ = number + static_cast<std::uint64_t>(record.Count());
  return WalProcessingOption::kContinueProcessing;
}

} // namespace starling::storage

#include "storage/rocks_log.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <string_view>
#include <utility>

namespace starling::storage {

namespace {

using rocksdb::Status;

// A log is blocks of this size; a record is one piece or several, none of which crosses the end of
// a block; a piece begins with a checksum of four bytes, the two bytes of its length, and its type,
// which is never 0. What is too short for that at the end of a block is zeros.
constexpr std::size_t block_bytes = 32'768;
constexpr std::size_t piece_head_bytes = 7;

std::size_t byte_at(std::string_view block, std::size_t at) {
  return static_cast<unsigned char>(block[at]);
}

struct walk {
  std::size_t pieces = 0;
  bool met_zeros = false; // where a piece should begin
  bool is_torn = false;   // the last piece is not all there
};

void go_through(std::string_view block, walk& w) {
  std::size_t at = 0;
  while (at + piece_head_bytes <= block.size()) {
    if (byte_at(block, at + 6) == 0) {
      w.met_zeros = true;
      return;
    }
    ++w.pieces;
    at += piece_head_bytes + byte_at(block, at + 4) + (byte_at(block, at + 5) << CHAR_BIT);
  }
  w.is_torn = block.size() < block_bytes ? at != block.size() : at > block.size();
}

Status go_through(rocksdb::Env& env, const std::string& path, walk& w) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  auto status = env.NewSequentialFile(path, &file, {});
  std::array<char, block_bytes> bytes;
  rocksdb::Slice block;
  while (status.ok() && (status = file->Read(bytes.size(), &block, bytes.data())).ok()) {
    // Blocks are whole, so only what ends the last one can be torn.
    if (!block.empty())
      go_through(block.ToStringView(), w);
    if (w.met_zeros || block.size() < bytes.size())
      break;
  }
  return status;
}

/// The number of a record's first change: its first eight bytes, the lowest first.
std::uint64_t first_number(const rocksdb::WriteBatch& record) {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < sizeof(result); ++i)
    result |= std::uint64_t{static_cast<unsigned char>(record.Data()[i])} << (i * CHAR_BIT);
  return result;
}

} // namespace

rocksdb::WriteBatch log_mark() {
  rocksdb::WriteBatch result;
  result.PutLogData("starling");
  return result;
}

Status check_logs(rocksdb::Env& env, const std::string& folder,
                  const std::vector<std::string>& files) {
  std::size_t pieces = 0;
  for (const auto& file : files) {
    const bool is_log = file.ends_with(".log");
    const bool is_manifest = file.starts_with("MANIFEST-");
    walk w;
    if (is_log || is_manifest)
      if (const auto status = go_through(env, folder + "/" + file, w); !status.ok())
        return status;
    if (w.met_zeros)
      return Status::Corruption("a part reads as zeros", file);
    if (is_manifest && w.is_torn)
      return Status::Corruption("the end is cut off", file);
    pieces += is_log ? w.pieces : 0;
  }
  return pieces > 0 ? Status::OK() : Status::Corruption("the log is empty or missing");
}

std::string newest_log(const std::vector<std::string>& files) {
  // Names are numbers with zeros up to six digits, and from a million on without.
  const auto is_older = [](const std::string& a, const std::string& b) {
    return std::pair{a.size(), std::string_view{a}} < std::pair{b.size(), std::string_view{b}};
  };
  std::string newest;
  for (const auto& file : files)
    if (file.ends_with(".log"))
      newest = std::max(newest, file, is_older);
  return newest;
}

rocksdb::WalFilter::WalProcessingOption gap_watch::LogRecordFound(unsigned long long,
                                                                  const std::string&,
                                                                  const rocksdb::WriteBatch& record,
                                                                  rocksdb::WriteBatch*, bool*) {
  const auto first = first_number(record);
  if (next_ && first != *next_)
    return WalProcessingOption::kCorruptedRecord;
  next_ = first + static_cast<std::uint64_t>(record.Count());
  return WalProcessingOption::kContinueProcessing;
}

} // namespace starling::storage

#pragma once

// The pieces that RocksDB's logs and manifests consist of.
//
// A file of records is blocks of one size; a record is one piece or several, none of which crosses
// the end of a block; a piece begins with a checksum of four bytes, the two bytes of its length,
// and its type. What is too short for that at the end of a block is zeros.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <rocksdb/env.h>
#include <string>
#include <string_view>

namespace starling::storage {

constexpr std::size_t block_bytes = 32'768;
constexpr std::size_t piece_head_bytes = 7;

enum class piece_type : std::uint8_t { all_of_it = 1, first = 2, middle = 3, last = 4 };

struct piece {
  piece_type type;
  std::string_view content;

  bool begins() const { return type == piece_type::all_of_it || type == piece_type::first; }
  bool ends() const { return type == piece_type::all_of_it || type == piece_type::last; }
  std::size_t bytes() const { return piece_head_bytes + content.size(); }
};

/// The piece that is there in a block, if it is whole. Requires: its head is within the block.
std::optional<piece> piece_at(std::string_view block, std::size_t at);

/// Whether the block, the last one of its file, may end within the piece that is there.
bool may_be_cut(std::string_view block, std::size_t at);

/// Appends a record to a file of records.
void append_record(std::string& file, std::string_view record);

std::uint64_t little_endian(std::string_view bytes);

/// Shows a file block by block, until `see` says false. Only the last one may be shorter.
template <class Visitor>
rocksdb::Status for_blocks(rocksdb::Env& env, const std::string& path, Visitor see) {
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

} // namespace starling::storage

#include "storage/disk/log_pieces.hpp"

#include "storage/disk/checksum.hpp"

#include <algorithm>
#include <climits>

namespace starling::storage {

namespace {

constexpr std::size_t sum_bytes = 4;
constexpr std::size_t length_bytes = 2;

/// As RocksDB writes it down.
std::uint32_t masked(std::uint32_t sum) {
  return ((sum >> 15) | (sum << 17)) + 0xa282ead8U;
}

void append_little_endian(std::string& to, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    to.push_back(static_cast<char>(number >> (i * CHAR_BIT)));
}

bool is_type(char byte) {
  return byte >= static_cast<char>(piece_type::all_of_it) &&
         byte <= static_cast<char>(piece_type::last);
}

/// Where the piece that is there would end.
std::size_t end_of_piece(std::string_view block, std::size_t at) {
  return at + piece_head_bytes + little_endian(block.substr(at + sum_bytes, length_bytes));
}

void append_piece(std::string& file, piece_type type, std::string_view content) {
  std::string summed{static_cast<char>(type)};
  summed += content;
  append_little_endian(file, masked(crc32c_of(summed)), sum_bytes);
  append_little_endian(file, content.size(), length_bytes);
  file += summed;
}

piece_type type_of(bool begins, bool ends) {
  if (begins)
    return ends ? piece_type::all_of_it : piece_type::first;
  return ends ? piece_type::last : piece_type::middle;
}

} // namespace

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t result = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    result |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (i * CHAR_BIT);
  return result;
}

std::optional<piece> piece_at(std::string_view block, std::size_t at) {
  const auto end = end_of_piece(block, at);
  if (end > block.size())
    return std::nullopt;
  const auto summed =
      block.substr(at + sum_bytes + length_bytes, end - at - sum_bytes - length_bytes);
  if (!is_type(summed.front()) ||
      masked(crc32c_of(summed)) != little_endian(block.substr(at, sum_bytes)))
    return std::nullopt;
  return piece{static_cast<piece_type>(summed.front()), summed.substr(1)};
}

bool may_be_cut(std::string_view block, std::size_t at) {
  return block.size() < block_bytes && end_of_piece(block, at) > block.size() &&
         is_type(block[at + sum_bytes + length_bytes]);
}

void append_record(std::string& file, std::string_view record) {
  bool begins = true;
  do {
    auto room = block_bytes - file.size() % block_bytes;
    if (room < piece_head_bytes) {
      file.append(room, '\0');
      room = block_bytes;
    }
    const auto content = record.substr(0, room - piece_head_bytes);
    record.remove_prefix(content.size());
    append_piece(file, type_of(begins, record.empty()), content);
    begins = false;
  } while (!record.empty());
}

} // namespace starling::storage

#include "storage/disk/witness.hpp"

#include "storage/disk/checksum.hpp"
#include "wire/bytes.hpp"
#include "wire/result.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

namespace starling::storage {

namespace {

using rocksdb::FileOptions;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// A slot: what it is, which turn it was written in, the witness, a checksum of all that, zeros.
// The two heads are of one length.
constexpr std::string_view head = "starling witness 2\n";
constexpr std::string_view head_of_some_logs = "starling witness 1\n";
constexpr std::size_t slot_bytes = 4096;
constexpr std::size_t slots = 2;

// More than RocksDB ever has: it keeps two write buffers.
constexpr std::size_t files_max = 32;
constexpr std::size_t name_bytes_max = 64;

void write_beginning(wire::writer& out, const beginning& b) {
  out.varint(b.bytes);
  out.varint(b.sum);
}

beginning read_beginning(wire::reader& in) {
  beginning result;
  result.bytes = in.varint();
  result.sum = static_cast<std::uint32_t>(in.varint());
  return result;
}

std::string slot_of(std::uint64_t turn, const witness& w) {
  wire::writer out;
  out.varint(turn);
  out.bytes(encode(w));
  const auto sum = checksum_of(out.view());
  out.varint(sum);
  auto result = std::string{w.names_all_logs ? head : head_of_some_logs} + std::move(out).take();
  result.resize(slot_bytes);
  return result;
}

struct slot {
  std::uint64_t turn = 0;
  witness what;
};

std::optional<slot> read_slot(std::string_view bytes) {
  const bool names_all_logs = bytes.starts_with(head);
  if (!names_all_logs && !bytes.starts_with(head_of_some_logs))
    return std::nullopt;
  bytes.remove_prefix(head.size());
  wire::reader in{bytes};
  const auto turn = in.varint();
  const auto encoded = in.bytes(slot_bytes);
  const auto sum = in.ok() ? checksum_of(bytes.substr(0, bytes.size() - in.remaining())) : 0;
  if (in.varint() != sum || !in.ok())
    return std::nullopt;
  auto what = decode_witness(encoded);
  if (what)
    what->names_all_logs = names_all_logs;
  return what ? std::optional{slot{turn, std::move(*what)}} : std::nullopt;
}

/// Whether both are what was written last: of two turns that follow each other, or of the first
/// turn, in which the second slot was left empty.
bool belong_together(const std::optional<slot>& first, const std::optional<slot>& second,
                     std::string_view second_bytes) {
  if (first && second)
    return std::max(first->turn, second->turn) - std::min(first->turn, second->turn) == 1;
  return first && first->turn == 1 && second_bytes.find_first_not_of('\0') == second_bytes.npos;
}

} // namespace

std::string encode(const witness& w) {
  wire::writer out;
  out.bytes(w.boot);
  out.varint(w.manifests.size());
  for (const auto& [name, all] : w.manifests) {
    out.bytes(name);
    write_beginning(out, all);
  }
  out.varint(w.first_log);
  out.varint(w.logs.size());
  for (const auto& [number, log] : w.logs) {
    out.varint(number);
    write_beginning(out, log.written);
    write_beginning(out, log.synced);
  }
  return std::move(out).take();
}

std::optional<witness> decode_witness(std::string_view bytes) {
  wire::reader in{bytes};
  witness result;
  result.boot = in.bytes(name_bytes_max);
  for (auto left = in.count(3); left > 0 && in.ok(); --left) {
    std::string name{in.bytes(name_bytes_max)};
    result.manifests[std::move(name)] = read_beginning(in);
  }
  result.first_log = in.varint();
  for (auto left = in.count(5); left > 0 && in.ok(); --left) {
    auto& log = result.logs[in.varint()];
    log.written = read_beginning(in);
    log.synced = read_beginning(in);
  }
  in.expect_end();
  return in.ok() ? std::optional{std::move(result)} : std::nullopt;
}

std::string boot_of_machine() {
  std::string result;
  std::ifstream{"/proc/sys/kernel/random/boot_id"} >> result;
  return result.substr(0, name_bytes_max);
}

wire::result<witness_file::content, IOStatus> witness_file::read(rocksdb::FileSystem& disk,
                                                                 const std::string& folder) {
  const auto path = folder + "/" + std::string{name};
  auto status = disk.FileExists(path, {}, nullptr);
  if (status.IsNotFound())
    return content{};
  std::string bytes;
  if (status.ok())
    status = rocksdb::ReadFileToString(&disk, path, &bytes);
  if (!status.ok())
    return status;
  bytes.resize(slots * slot_bytes);
  const std::string_view all{bytes};
  auto first = read_slot(all.substr(0, slot_bytes));
  auto second = read_slot(all.substr(slot_bytes));
  content result{.is_there = true,
                 .has_spoilt_slot = !belong_together(first, second, all.substr(slot_bytes))};
  if (second && (!first || second->turn > first->turn))
    std::swap(first, second);
  if (first)
    result.what = std::move(first->what);
  return result;
}

IOStatus witness_file::make(rocksdb::FileSystem& disk, const std::string& folder,
                            const witness& w) {
  const auto path = folder + "/" + std::string{name};
  const auto draft = path + ".new";
  auto status = rocksdb::WriteStringToFile(
      &disk, slot_of(1, w) + std::string(slot_bytes * (slots - 1), '\0'), draft, true);
  if (status.ok())
    status = disk.RenameFile(draft, path, {}, nullptr);
  std::unique_ptr<rocksdb::FSDirectory> names;
  if (status.ok())
    status = disk.NewDirectory(folder, {}, &names, nullptr);
  return status.ok() ? names->Fsync({}, nullptr) : status;
}

IOStatus witness_file::write(rocksdb::FileSystem& disk, const std::string& folder,
                             const witness& w) {
  if (!file_) {
    const auto path = folder + "/" + std::string{name};
    if (auto status = disk.NewRandomRWFile(path, FileOptions{}, &file_, nullptr); !status.ok())
      return status;
    std::array<char, slot_bytes> room;
    for (std::size_t i = 0; i < slots; ++i) {
      rocksdb::Slice bytes;
      if (auto status =
              file_->Read(i * slot_bytes, slot_bytes, IOOptions{}, &bytes, room.data(), nullptr);
          !status.ok())
        return status;
      if (const auto one = read_slot(bytes.ToStringView()))
        turn_ = std::max(turn_, one->turn);
    }
  }
  auto next = w;
  while (next.logs.size() > files_max)
    next.logs.erase(next.logs.begin());
  ++turn_;
  return file_->Write((turn_ + 1) % slots * slot_bytes, slot_of(turn_, next), IOOptions{}, nullptr);
}

IOStatus witness_file::sync() {
  return file_ ? file_->Sync(IOOptions{}, nullptr) : IOStatus::OK();
}

} // namespace starling::storage

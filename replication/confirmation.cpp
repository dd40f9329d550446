#include "replication/confirmation.hpp"

#include "wire/bytes.hpp"

#include <algorithm>
#include <utility>

namespace starling::replication {

namespace {

constexpr std::uint8_t format_version = 1;

void expect_version(wire::reader& in) {
  if (in.u8() != format_version)
    in.fail("unknown version of the question about an id");
}

} // namespace

std::string encode_question(const crdt::replica_id& about) {
  wire::writer out;
  out.u8(format_version);
  crdt::encode(out, about);
  return std::move(out).take();
}

wire::decoded<crdt::replica_id> decode_question(std::string_view bytes) {
  wire::reader in{bytes};
  expect_version(in);
  const auto result = crdt::decode_replica_id(in);
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

std::string encode(const statement& s) {
  wire::writer out;
  out.u8(format_version);
  out.varint(s.from.value);
  out.varint(s.changes);
  return std::move(out).take();
}

wire::decoded<statement> decode_statement(std::string_view bytes) {
  wire::reader in{bytes};
  expect_version(in);
  statement result;
  result.from.value = in.varint();
  result.changes = in.varint();
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

confirmation::confirmation(std::uint64_t own, const std::vector<std::string>& addresses)
    : own_(own) {
  for (const auto& address : addresses)
    add(address);
}

void confirmation::add(const std::string& address) {
  asked_.try_emplace(address, state::due);
}

std::vector<std::string> confirmation::due() {
  std::vector<std::string> result;
  for (auto& [address, is] : asked_)
    if (is == state::due) {
      is = state::under_way;
      result.push_back(address);
    }
  return result;
}

void confirmation::answered(const std::string& address, std::uint64_t changes) {
  asked_[address] = state::answered;
  highest_ = std::max(highest_, changes);
}

void confirmation::leave_out(const std::string& address) {
  asked_[address] = state::left_out;
}

void confirmation::failed(const std::string& address) {
  asked_[address] = state::due;
}

confirmation::outcome confirmation::result() const {
  if (highest_ > own_)
    return outcome::set_back;
  const bool is_complete = silent().empty();
  return is_complete || (is_time_up_ && answers() > 0) ? outcome::sure : outcome::open;
}

std::vector<std::string> confirmation::silent() const {
  std::vector<std::string> result;
  for (const auto& [address, is] : asked_)
    if (is == state::due || is == state::under_way)
      result.push_back(address);
  return result;
}

std::size_t confirmation::answers() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(asked_, [](const auto& a) { return a.second == state::answered; }));
}

} // namespace starling::replication

#include "replication/confirmation.hpp"

#include "wire/bytes.hpp"

#include <algorithm>
#include <utility>

namespace starling::replication {

namespace {

constexpr std::uint8_t question_version = 1;

// The one before did not say what who answers has kept.
constexpr std::uint8_t statement_version = 2;
constexpr std::uint8_t statement_of_counts_only = 1;

} // namespace

std::string encode_question(const crdt::replica_id& about) {
  wire::writer out;
  out.u8(question_version);
  crdt::encode(out, about);
  return std::move(out).take();
}

wire::decoded<crdt::replica_id> decode_question(std::string_view bytes) {
  wire::reader in{bytes};
  if (in.u8() != question_version)
    in.fail("unknown version of the question about an id");
  const auto result = crdt::decode_replica_id(in);
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

std::string encode(const statement& s) {
  wire::writer out;
  out.u8(statement_version);
  out.varint(s.from.value);
  out.varint(s.changes);
  out.varint(s.kept_since.value);
  return std::move(out).take();
}

wire::decoded<statement> decode_statement(std::string_view bytes) {
  wire::reader in{bytes};
  const auto version = in.u8();
  if (version != statement_version && version != statement_of_counts_only)
    in.fail("unknown version of the answer about an id");
  statement result;
  result.from.value = in.varint();
  result.changes = in.varint();
  if (version == statement_version)
    result.kept_since.value = in.varint();
  in.expect_end();
  if (!in.ok())
    return in.error();
  return result;
}

confirmation::confirmation(std::uint64_t own, std::set<session_id> witnesses,
                           const std::vector<std::string>& addresses)
    : own_(own), witnesses_(std::move(witnesses)) {
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

void confirmation::answered(const std::string& address, const statement& said) {
  asked_[address] =
      witnesses_.contains(said.kept_since) ? state::testified : state::knows_too_little;
  highest_ = std::max(highest_, said.changes);
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
  if (!is_time_up_ && !silent().empty())
    return outcome::open;
  const bool is_anybody_else_there = !silent().empty() || other_answers() > 0;
  return testimonies() > 0 || !is_anybody_else_there ? outcome::sure : outcome::doubtful;
}

std::vector<std::string> confirmation::silent() const {
  std::vector<std::string> result;
  for (const auto& [address, is] : asked_)
    if (is == state::due || is == state::under_way)
      result.push_back(address);
  return result;
}

std::size_t confirmation::count(state s) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(asked_, [s](const auto& a) { return a.second == s; }));
}

} // namespace starling::replication

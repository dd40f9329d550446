// Tables from strangers who hold the key: answers to them, and what answers our own. A table that
// is not well formed, or of a version that is not spoken here, changes nothing; one that is, and
// fits, changes nothing the second time.

#include "membership/swim.hpp"
#include "wire/call.hpp"
#include "wire/protocol.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace starling;
using namespace starling::membership;
using namespace std::chrono_literals;

const wire::secret secret{"fuzz", ""};
constexpr std::uint64_t wall_clock = 1'700'000'000'000;
const settings with = [] {
  settings s;
  s.max_members = 6;
  s.max_dead = 4;
  return s;
}();

void require(bool holds, int line = __builtin_LINE()) {
  if (holds)
    return;
  std::cerr << "what line " << line << " requires does not hold\n";
  std::abort();
}

swim start(std::uint64_t number) {
  swim core{
      with,   {node_id::from(9, number), wall_clock, wall_clock, {number}, "core:9080", "", ""},
      secret, {},
      number, 0us};
  core.start(0us, udp_address::v4(10, 0, 0, static_cast<std::uint8_t>(number), 9080));
  return core;
}

void check(const swim& core) {
  require(core.self().status.is == member_state::alive);
  require(core.live_members() <= with.max_members);
  require(core.table().size() <= with.max_members + with.max_dead);
  std::uint64_t digest = 0;
  for (const auto& [id, e] : core.table().entries())
    digest ^= digest_of(e.record);
  require(digest == core.table().digest());
}

/// What the core pushes when it is told to ask somebody, and the token of the call.
std::pair<std::uint64_t, std::string> pushed(swim& core) {
  core.call_on(0us, "peer:9080");
  require(core.out().calls.size() == 1);
  return {core.out().calls[0].token, core.out().calls[0].content};
}

/// What is in a call, as an answer.
std::string as_answer(std::string_view call) {
  wire::reader in{call};
  wire::decode_call_header(in);
  require(in.ok());
  return wire::encode_answer(in.raw(in.remaining()));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  auto asked = start(1);
  const auto before = asked.table().digest();

  const auto answer = asked.answer(0us, call_kind::sync, input);
  check(asked);
  const auto* told = std::get_if<std::string>(&answer);
  require(told != nullptr || asked.table().digest() == before);
  if (told != nullptr) {
    const auto after = asked.table().digest();
    const auto refused = asked.totals().dropped_full;
    require(std::holds_alternative<std::string>(asked.answer(0us, call_kind::sync, input)));
    // Who was refused for lack of room may find some the second time, where others died of the
    // rest.
    require(refused > 0 || asked.table().digest() == after);
    // And what a core writes, another reads.
    auto other = start(2);
    require(!other.call_answered(0us, pushed(other).first, *told));
    check(other);
    require(!other.call_answered(0us, pushed(other).first, as_answer(pushed(asked).second)));
    check(other);
  }

  // Who asks in another version is told why it is refused. As an answer, that version is an error.
  const bool is_spoken =
      !input.empty() && wire::spoken.contains(static_cast<std::uint8_t>(input.front()));
  require(is_spoken || asked.table().digest() == before);

  auto asking = start(1);
  const auto refused = asking.call_answered(0us, pushed(asking).first, wire::encode_answer(input));
  check(asking);
  require(refused.has_value() == (told == nullptr || !is_spoken));
  require(!refused || asking.table().digest() == before);

  for (const auto kind : {call_kind::sync, call_kind::ping}) {
    static_cast<void>(asking.answer(0us, kind, input));
    check(asking);
  }
  static_cast<void>(asking.call_answered(0us, pushed(asking).first, input));
  check(asking);
  duration now{0};
  for (int i = 0; i < 30; ++i) {
    now = std::max(now, *asking.next_tick());
    asking.tick(now);
    check(asking);
  }
  return 0;
}

// Datagrams from strangers, to a live core that knows three peers. Each datagram is given as it is,
// and then with the right tag appended, and with the right beginning too, so that the parser and
// the protocol behind the authentication are reached.
//
// The input is a list: length (2 bytes), mode, bytes.

#include "membership/swim.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace {

using namespace starling;
using namespace starling::membership;
using namespace std::chrono_literals;

const wire::secret secret{"fuzz", "a key of sixteen bytes"};
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

udp_address address_of(std::uint8_t i) {
  return udp_address::v4(10, 0, 0, i, 9080);
}

member peer(std::uint8_t i) {
  const incarnation at{wall_clock, 0};
  return {node_id::from(0, i),
          {at, member_state::alive, {}},
          profile{at, {i}, address_of(i), "p" + std::to_string(i) + ":9080", "", ""}};
}

swim start() {
  swim core{with,   {node_id::from(9, 9), wall_clock, wall_clock, {99}, "core:9080", "core", ""},
            secret, {"seed:9080"},
            1,      0us};
  core.start(0us, address_of(100));
  wire::writer table;
  begin_list(table, {.id = peer(1).id, .address = "p1:9080"}, 3);
  for (std::uint8_t i = 1; i <= 3; ++i)
    add_to_list(table, peer(i), 0);
  require(std::holds_alternative<std::string>(core.answer(0us, call_kind::sync, table.view())));
  require(core.live_members() == 4);
  return core;
}

void check(const swim& core) {
  for (std::size_t i = 0; i < core.out().packets(); ++i) {
    const auto p = core.out().packet_at(i);
    require(p.bytes.size() <= with.packet_bytes && p.to.port != 0);
    require(
        std::holds_alternative<opened_packet>(open_packet(secret, secret.cluster_id(), p.bytes)));
  }
  require(core.self().status.is == member_state::alive);
  require(core.live_members() <= with.max_members);
  require(core.table().size() <= with.max_members + with.max_dead);
  require(core.peers().size() < core.table().size());
  require(core.next_tick().has_value());
  std::uint64_t digest = 0;
  for (const auto& [id, e] : core.table().entries())
    digest ^= digest_of(e.record);
  require(digest == core.table().digest());
}

std::string sealed(std::string content) {
  const auto tag = secret.sign(packet_purpose, content);
  return content.append(tag.data(), tag.size());
}

/// The bytes with the beginning of a packet in front: version, kind, cluster.
std::string begun(std::string_view bytes) {
  const auto cluster = secret.cluster_id();
  std::string result{static_cast<char>(wire::spoken.newest)};
  result += bytes.empty() ? '\1' : bytes[0];
  result.append(cluster.data(), 8);
  return result.append(bytes.substr(bytes.empty() ? 0 : 1));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto core = start();
  wire::reader in{{reinterpret_cast<const char*>(data), size}};
  duration now{0};
  for (int steps = 0; in.ok() && in.remaining() > 0 && steps < 64; ++steps) {
    const auto length = in.u8() | in.u8() << 8;
    const auto mode = in.u8();
    const auto bytes = in.raw(std::min(in.remaining(), static_cast<std::size_t>(length)));
    const auto from = address_of(static_cast<std::uint8_t>(1 + mode % 4)); // or a stranger
    const auto before = core.table().digest();

    core.receive(now, from, bytes);
    check(core);
    require(core.table().digest() == before || core.totals().packets_received > 0);
    core.receive(now, from, sealed(std::string{bytes}));
    check(core);
    core.receive(now, from, sealed(begun(bytes)));
    check(core);

    // Time passes, as the input says; sometimes too much of it.
    now = mode < 128 ? std::max(now, *core.next_tick()) : now + 20ms * mode;
    core.tick(now);
    check(core);
    require(mode >= 128 || *core.next_tick() >= now);
  }
  // Whatever happened, it comes to an end: no tick is due for ever.
  for (int i = 0; i < 50; ++i) {
    now = std::max(now, *core.next_tick());
    core.tick(now);
    check(core);
  }
  require(now > 0us);
  return 0;
}

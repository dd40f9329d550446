#include "membership/packet.hpp"
#include "tests/membership/samples.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

namespace starling::membership {

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

const wire::secret ours{"test", "a key of sixteen bytes"};
const wire::tag cluster = ours.cluster_id();

constexpr std::array kinds{packet_kind::ping,  packet_kind::ack,      packet_kind::ping_req,
                           packet_kind::nack,  packet_kind::gossip,   packet_kind::gone,
                           packet_kind::leave, packet_kind::leave_ack};

packet_header sample_header(packet_kind kind) {
  return {.kind = kind,
          .from = node_id::from(0x0102030405060708, 0x090a0b0c0d0e0f10),
          .session = {0xa1a2a3a4a5a6a7a8},
          .at = {300, 2},
          .settled = true,
          .leaving = false,
          .health = 3,
          .counter = 129,
          .digest = 0xd1d2d3d4d5d6d7d8};
}

packet_body sample_body() {
  return {.number = 200,
          .target = node_id::from(0x1112131415161718, 0x191a1b1c1d1e1f20),
          .target_address = udp_address::v4(10, 0, 0, 7, 0x2378),
          .budget = 700ms};
}

std::string written(packet_kind kind, const std::vector<member>& members = {},
                    std::size_t limit = packet_bytes_max, const wire::secret& s = ours) {
  wire::writer out;
  packet_writer writer{out, limit};
  writer.begin(s.cluster_id(), sample_header(kind), sample_body());
  for (const auto& m : members)
    writer.add(m, true);
  writer.finish(s);
  return std::move(out).take();
}

/// Why a packet is refused; nothing if it is not.
std::optional<packet_error> refusal(std::string_view bytes) {
  const auto opened = open_packet(ours, cluster, bytes);
  const auto* error = std::get_if<packet_error>(&opened);
  return error == nullptr ? std::nullopt : std::optional{*error};
}

/// The same content with a tag that fits it.
std::string sealed(std::string content) {
  const auto tag = ours.sign(packet_purpose, content);
  return content.append(tag.data(), tag.size());
}

std::string without_tag(std::string bytes) {
  bytes.resize(bytes.size() - std::tuple_size_v<wire::tag>);
  return bytes;
}

/// The members in the parts of a packet; nothing if they are malformed.
std::optional<std::vector<member>> members_in(std::string_view parts) {
  std::vector<member> result;
  if (!for_each_member(parts, [&](const member& m) { result.push_back(m); }))
    return std::nullopt;
  return result;
}

std::string part(int kind, std::string_view bytes) {
  std::string result{static_cast<char>(kind), static_cast<char>(bytes.size() >> 8),
                     static_cast<char>(bytes.size())};
  return result.append(bytes);
}

bool operator==(const packet_header& a, const packet_header& b) {
  const auto all = [](const packet_header& h) {
    return std::tuple{h.kind,       h.from,    h.session, h.at,      h.settled,
                      h.calls_fail, h.leaving, h.health,  h.counter, h.digest};
  };
  return all(a) == all(b);
}

// -- golden bytes --

const std::string header_bytes = "0102030405060708090a0b0c0d0e0f10" // node
                                 "a1a2a3a4a5a6a7a8"                 // session
                                 "ac0202"                           // incarnation
                                 "01"                               // settled
                                 "03"                               // health
                                 "8101"                             // counter
                                 "d1d2d3d4d5d6d7d8";                // digest
const std::string number_bytes = "c801";
const std::string target_bytes = "1112131415161718191a1b1c1d1e1f20";

struct golden {
  packet_kind kind;
  std::string begin; // version, kind, cluster
  std::string body;
  std::string tag;
};

const std::array all_golden{
    golden{packet_kind::ping, "0501a1c0dddea35c94ab", "12" + number_bytes + target_bytes,
           "1d64a47283a75ef1c4d021d7398ed5fc"},
    golden{packet_kind::ack, "0502a1c0dddea35c94ab", "02" + number_bytes,
           "7e6806e136b399d39ab64283b0f42371"},
    golden{packet_kind::ping_req, "0503a1c0dddea35c94ab",
           "26" + number_bytes + target_bytes + "00000000000000000000ffff0a0000072378" + "bc05",
           "7b5369c382830dd814c7a77884b673aa"},
    golden{packet_kind::nack, "0504a1c0dddea35c94ab", "02" + number_bytes,
           "f78114a09e67c79130f941f1033b6bf7"},
    golden{packet_kind::gossip, "0505a1c0dddea35c94ab", "00", "9f15da65bf53a11bedf08d2df6026590"},
    golden{packet_kind::gone, "0506a1c0dddea35c94ab", "02" + number_bytes,
           "d0332c6689fc661c27d273a16f7b598a"},
    golden{packet_kind::leave, "0507a1c0dddea35c94ab", "02" + number_bytes,
           "93b2206644239defae06cdcc4f647dc0"},
    golden{packet_kind::leave_ack, "0508a1c0dddea35c94ab", "02" + number_bytes,
           "0b6cabb285caf3e6b33dfac0a026c808"},
};

TEST(Packet, HasTheseBytes) {
  for (const auto& g : all_golden)
    EXPECT_EQ(wire::to_hex(written(g.kind)), g.begin + header_bytes + g.body + g.tag)
        << "kind " << static_cast<int>(g.kind);
}

TEST(Packet, CarriesMembersInTheseBytes) {
  const member dead{numbered(5), {{300, 1}, member_state::dead, {}}, std::nullopt};
  const member alive{numbered(6),
                     {{300, 0}, member_state::alive, {}},
                     profile{{300, 0}, {3}, udp_address::v4(10, 0, 0, 7, 9), "a:1", "n", ""}};
  const auto bytes = wire::to_hex(written(packet_kind::gossip, {dead, alive}));

  EXPECT_EQ(bytes, "0505a1c0dddea35c94ab" + header_bytes +
                       "00" // body
                       "010015"
                       "00000000000000000000000000000005"
                       "ac0201" // incarnation
                       "30"     // dead
                       "00"     // without a profile
                       "01003e"
                       "00000000000000000000000000000006"
                       "ac0200" // incarnation
                       "10"     // alive
                       "01"     // with a profile
                       "ac0200" // written
                       "0000000000000003"
                       "00000000000000000000ffff0a0000070009"
                       "03613a31"
                       "016e"
                       "00"
                       "0102050500" // speaks 5
                       "162e9db46ab978f318ebcaf7095d95ff");
}

TEST(Packet, WithoutAKeyHasAChecksum) {
  const wire::secret open{"test", ""};
  const auto bytes = written(packet_kind::gossip, {}, packet_bytes_max, open);

  EXPECT_EQ(wire::to_hex(bytes),
            "0505f95674883fb76558" + header_bytes + "00" + "06ff9b0702273fee641da6bb33fd3568");
  EXPECT_TRUE(std::holds_alternative<opened_packet>(open_packet(open, open.cluster_id(), bytes)));
}

// -- there and back --

TEST(Packet, EachKindSurvives) {
  for (const auto kind : kinds) {
    const auto bytes = written(kind);
    const auto opened = open_packet(ours, cluster, bytes);
    ASSERT_TRUE(std::holds_alternative<opened_packet>(opened));
    const auto& p = std::get<opened_packet>(opened);

    EXPECT_TRUE(p.header == sample_header(kind)) << static_cast<int>(kind);
    EXPECT_EQ(p.body.number, kind == packet_kind::gossip ? 0 : sample_body().number);
    const bool has_target = kind == packet_kind::ping || kind == packet_kind::ping_req;
    EXPECT_EQ(p.body.target, has_target ? sample_body().target : node_id{});
    const bool is_request = kind == packet_kind::ping_req;
    EXPECT_EQ(p.body.target_address, is_request ? sample_body().target_address : udp_address{});
    EXPECT_EQ(p.body.budget, is_request ? sample_body().budget : duration{0});
    EXPECT_TRUE(p.parts.empty());
  }
}

TEST(Packet, EachFlagIsItself) {
  for (const bool settled : {false, true})
    for (const bool leaving : {false, true}) {
      wire::writer out;
      packet_writer writer{out, packet_bytes_max};
      auto header = sample_header(packet_kind::gossip);
      header.settled = settled;
      header.leaving = leaving;
      writer.begin(cluster, header, {});
      writer.finish(ours);
      const auto bytes = std::move(out).take();
      const auto opened = open_packet(ours, cluster, bytes);
      EXPECT_EQ(std::get<opened_packet>(opened).header.settled, settled);
      EXPECT_EQ(std::get<opened_packet>(opened).header.leaving, leaving);
    }
}

TEST(Packet, MembersSurvive) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    random_source random{seed};
    std::vector<member> members;
    for (int i = 0; i < 3; ++i)
      members.push_back(random_member(random, 10));

    const auto bytes = written(packet_kind::gossip, members);
    const auto opened = open_packet(ours, cluster, bytes);

    ASSERT_TRUE(std::holds_alternative<opened_packet>(opened));
    EXPECT_EQ(members_in(std::get<opened_packet>(opened).parts), members) << "seed " << seed;
  }
}

TEST(Packet, AMemberMayGoWithoutItsProfile) {
  wire::writer out;
  packet_writer writer{out, packet_bytes_max};
  writer.begin(cluster, sample_header(packet_kind::gossip), {});
  EXPECT_TRUE(writer.add(sample_member(), false));
  writer.finish(ours);
  const auto bytes = std::move(out).take();

  const auto opened = open_packet(ours, cluster, bytes);

  auto bare = sample_member();
  bare.profile.reset();
  EXPECT_EQ(members_in(std::get<opened_packet>(opened).parts), std::vector{bare});
}

TEST(Packet, SeveralGoIntoOneBuffer) {
  wire::writer out;
  packet_writer writer{out, packet_bytes_max};
  writer.begin(cluster, sample_header(packet_kind::ack), sample_body());
  writer.finish(ours);
  const auto border = out.size();
  writer.begin(cluster, sample_header(packet_kind::gossip), {});
  EXPECT_TRUE(writer.add(sample_member(), true));
  writer.finish(ours);

  EXPECT_EQ(out.view().substr(0, border), written(packet_kind::ack));
  EXPECT_EQ(out.view().substr(border), written(packet_kind::gossip, {sample_member()}));
}

// -- the bound --

TEST(Packet, NeverExceedsItsLimit) {
  for (const std::size_t limit : {1200u, 1232u, 1400u}) {
    wire::writer out;
    packet_writer writer{out, limit};
    writer.begin(cluster, sample_header(packet_kind::ping_req), sample_body());
    std::size_t added = 0;
    random_source random{limit};
    for (int i = 0; i < 1000; ++i)
      added += writer.add(random_member(random, 1000), true) ? 1 : 0;
    writer.finish(ours);

    EXPECT_LE(out.size(), limit);
    EXPECT_GT(out.size(), limit - 25) << "the smallest member has 24 bytes";
    const auto opened = open_packet(ours, cluster, out.view());
    ASSERT_TRUE(std::holds_alternative<opened_packet>(opened));
    EXPECT_EQ(members_in(std::get<opened_packet>(opened).parts)->size(), added);
  }
}

TEST(Packet, AMemberThatDoesNotFitLeavesNoTrace) {
  const auto bare = written(packet_kind::gossip);
  EXPECT_EQ(written(packet_kind::gossip, {sample_member()}, bare.size()), bare);
}

TEST(Packet, TheLargestMemberFitsIntoTheSmallestPacket) {
  auto largest = sample_member();
  largest.status = {{generation_max, refutations_max}, member_state::suspect, {}};
  for (std::uint64_t i = 0; i < accuser_set::capacity; ++i)
    largest.status.accusers.insert(numbered(i));
  auto& p = *largest.profile;
  p.written = largest.status.at;
  p.address = std::string(253, 'a') + ":1";
  p.http_address = p.address;
  p.name = std::string(name_bytes_max, 'n');
  p.abilities.others = {{7, std::string(abilities_bytes_max - 4 - 1 - 3, 'x')}};
  ASSERT_TRUE(is_valid(p));
  auto header = sample_header(packet_kind::ping_req);
  header.at = largest.status.at;
  header.counter = UINT64_MAX;
  auto body = sample_body();
  body.number = UINT64_MAX;
  body.budget = 1h;

  wire::writer out;
  packet_writer writer{out, 1200};
  writer.begin(cluster, header, body);

  EXPECT_TRUE(writer.add(largest, true));
}

TEST(Packet, NothingLargerThanTheBoundIsRead) {
  const auto padded = [](std::size_t size) {
    const auto bare = without_tag(written(packet_kind::gossip));
    return sealed(bare + part(99, std::string(size - bare.size() - 3 - 16, 'x')));
  };
  EXPECT_EQ(refusal(padded(packet_bytes_max)), std::nullopt);
  EXPECT_EQ(refusal(padded(packet_bytes_max + 1)), packet_error::malformed);
}

// -- refusals --

TEST(Packet, OfAnotherVersionIsRefusedBeforeAnythingElseIsRead) {
  for (int version = 0; version < 256; ++version) {
    if (version == wire::spoken.newest)
      continue;
    std::string bytes(26, '\xff');
    bytes[0] = static_cast<char>(version);
    EXPECT_EQ(refusal(bytes), packet_error::unknown_version) << version;
  }
}

TEST(Packet, OfAnotherClusterIsRefusedBeforeItsTagIsChecked) {
  const wire::secret other_name{"another", "a key of sixteen bytes"};
  const wire::secret other_key{"test", "another key of bytes"};
  EXPECT_EQ(refusal(written(packet_kind::ping, {}, packet_bytes_max, other_name)),
            packet_error::foreign_cluster);
  EXPECT_EQ(refusal(written(packet_kind::ping, {}, packet_bytes_max, other_key)),
            packet_error::foreign_cluster);

  auto bytes = without_tag(written(packet_kind::ping));
  bytes[9] = static_cast<char>(bytes[9] ^ 1);
  EXPECT_EQ(refusal(sealed(bytes)), packet_error::foreign_cluster) << "though the tag is right";
}

TEST(Packet, WithAForgedTagIsRefused) {
  const wire::secret other{"test", "another key of bytes"};
  // The cluster's name in packets is no secret, so an attacker can copy it.
  wire::writer out;
  packet_writer writer{out, packet_bytes_max};
  writer.begin(cluster, sample_header(packet_kind::ping), sample_body());
  writer.finish(other);
  EXPECT_EQ(refusal(out.view()), packet_error::not_authentic);

  auto bytes = without_tag(written(packet_kind::ping));
  const auto tag = ours.sign("another-purpose", bytes);
  EXPECT_EQ(refusal(bytes.append(tag.data(), tag.size())), packet_error::not_authentic);
}

TEST(Packet, IsRefusedWithAnyBitFlipped) {
  const auto good = written(packet_kind::ping_req, {sample_member()});
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    const auto wanted = bit / 8 == 0                   ? packet_error::unknown_version
                        : bit / 8 >= 2 && bit / 8 < 10 ? packet_error::foreign_cluster
                                                       : packet_error::not_authentic;
    ASSERT_EQ(refusal(bad), wanted) << "bit " << bit;
  }
}

TEST(Packet, IsRefusedTruncatedOrWithATail) {
  const auto good = written(packet_kind::ping_req, {sample_member()});
  for (std::size_t size = 0; size < good.size(); ++size)
    ASSERT_EQ(refusal(std::string_view{good}.substr(0, size)),
              size < 26 ? packet_error::malformed : packet_error::not_authentic)
        << size;
  EXPECT_EQ(refusal(good + '\0'), packet_error::not_authentic);
}

TEST(Packet, WithoutAllOfItsFieldsIsMalformedThoughAuthentic) {
  for (const auto kind : kinds) {
    const auto good = without_tag(written(kind));
    for (std::size_t size = 10; size < good.size(); ++size)
      ASSERT_EQ(refusal(sealed(good.substr(0, size))), packet_error::malformed)
          << "kind " << static_cast<int>(kind) << ", " << size << " bytes";
    EXPECT_EQ(refusal(sealed(good)), std::nullopt);
  }
}

TEST(Packet, OfAnUnknownKindHasAHeaderAndPartsAllTheSame) {
  for (int kind = 0; kind < 256; ++kind) {
    auto bytes = without_tag(written(packet_kind::ping_req, {sample_member()}));
    bytes[1] = static_cast<char>(kind);
    const auto packet = sealed(bytes);
    const auto opened = open_packet(ours, cluster, packet);
    if (kind == 0) {
      EXPECT_EQ(std::get<packet_error>(opened), packet_error::malformed);
      continue;
    }
    const auto& p = std::get<opened_packet>(opened);
    EXPECT_EQ(static_cast<int>(p.header.kind), kind <= 9 ? kind : 255);
    EXPECT_EQ(p.header.from, sample_header(packet_kind::ping_req).from);
    EXPECT_EQ(members_in(p.parts), std::vector{sample_member()});
    EXPECT_EQ(p.body.number != 0, kind <= 9 && kind != 5) << kind;
  }
}

TEST(Packet, UnknownFlagsAndWhatFollowsInABodyAreSkipped) {
  auto bytes = without_tag(written(packet_kind::ack, {sample_member()}));
  const auto flags =
      2 + 8 + 16 + 8 + 3; // behind version, kind, cluster, node, session, incarnation
  ASSERT_EQ(bytes[flags], 1);
  bytes[flags] = '\xf9';               // settled, and all that no version has yet
  const auto body = flags + 2 + 2 + 8; // behind flags, health, counter, digest
  ASSERT_EQ(bytes[body], 2) << "the number of the ping";
  bytes[body] = 5;
  bytes.insert(body + 3, "abc");

  const auto packet = sealed(bytes);
  const auto opened = open_packet(ours, cluster, packet);

  ASSERT_TRUE(std::holds_alternative<opened_packet>(opened));
  const auto& p = std::get<opened_packet>(opened);
  EXPECT_TRUE(p.header == sample_header(packet_kind::ack));
  EXPECT_EQ(p.body.number, 200u);
  EXPECT_EQ(members_in(p.parts), std::vector{sample_member()});
}

TEST(Packet, IsReadInEachVersionThatIsSpoken) {
  auto header = sample_header(packet_kind::ack);
  header.version = 7;
  wire::writer out;
  packet_writer writer{out, packet_bytes_max};
  writer.begin(cluster, header, sample_body());
  writer.finish(ours);

  const auto opened = open_packet(ours, cluster, out.view(), {6, 7});
  EXPECT_EQ(std::get<opened_packet>(opened).header.version, 7);
  EXPECT_EQ(std::get<packet_error>(open_packet(ours, cluster, out.view(), {5, 6})),
            packet_error::unknown_version);
  EXPECT_EQ(std::get<packet_error>(open_packet(ours, cluster, out.view(), {8, 9})),
            packet_error::unknown_version);
}

TEST(Packet, WithABudgetOfMoreThanAnHourIsMalformed) {
  const auto with_budget = [](duration budget) {
    wire::writer out;
    packet_writer writer{out, packet_bytes_max};
    auto body = sample_body();
    body.budget = budget;
    writer.begin(cluster, sample_header(packet_kind::ping_req), body);
    writer.finish(ours);
    return refusal(out.view());
  };
  EXPECT_EQ(with_budget(1h), std::nullopt);
  EXPECT_EQ(with_budget(1h + 1ms), packet_error::malformed);
}

TEST(Packet, WithAnIncarnationThatNoNodeMintsIsMalformed) {
  wire::writer out;
  packet_writer writer{out, packet_bytes_max};
  auto header = sample_header(packet_kind::gossip);
  header.at.generation = generation_max + 1;
  writer.begin(cluster, header, {});
  writer.finish(ours);
  EXPECT_EQ(refusal(out.view()), packet_error::malformed);
}

TEST(Packet, ErrorsHaveNames) {
  std::set<std::string_view> names;
  for (const auto e : {packet_error::malformed, packet_error::unknown_version,
                       packet_error::foreign_cluster, packet_error::not_authentic})
    names.insert(to_string(e));
  EXPECT_EQ(names.size(), 4u);
  EXPECT_FALSE(names.contains("unknown"));
}

// -- parts --

TEST(PacketParts, OfAnUnknownKindAreSkipped) {
  const auto known = encoded(sample_member());
  const auto parts = part(2, "") + part(1, known) + part(255, "what a later version says") +
                     part(1, known) + part(0, std::string(300, '\xff'));

  EXPECT_EQ(members_in(parts), (std::vector{sample_member(), sample_member()}));
}

TEST(PacketParts, WithAMalformedMemberAreRefused) {
  const auto known = encoded(sample_member());
  EXPECT_EQ(members_in(part(1, known + "later")), std::vector{sample_member()}) << "is skipped";
  EXPECT_EQ(members_in(part(1, "")), std::nullopt);
  EXPECT_EQ(members_in(part(1, known.substr(0, known.size() - 1))), std::nullopt);
}

TEST(PacketParts, AreRefusedIfTruncated) {
  const auto parts = part(1, encoded(sample_member())) + part(7, "abc");
  const auto first = parts.size() - 6;
  for (std::size_t size = 0; size < parts.size(); ++size)
    EXPECT_EQ(members_in(parts.substr(0, size)).has_value(), size == 0 || size == first) << size;
}

} // namespace

} // namespace starling::membership

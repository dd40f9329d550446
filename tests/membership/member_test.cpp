#include "membership/member.hpp"
#include "tests/membership/samples.hpp"
#include "wire/seal.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace starling::membership {

namespace {

constexpr int cases = 20'000;

/// Calls `law` with three members of one id, of many seeds; stops at the first that breaks it.
template <class Law>
void for_random_members(Law law) {
  for (std::uint64_t seed = 1; seed <= cases && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_source random{seed};
    const auto a = random_member(random);
    const auto b = random_member(random);
    const auto c = random_member(random);
    law(a, b, c);
  }
}

member joined(member a, const member& b) {
  join(a, b);
  return a;
}

/// Why these bytes are no member; empty if they are.
std::string_view refusal(std::string_view bytes) {
  wire::reader in{bytes};
  decode_member(in);
  in.expect_end();
  return in.ok() ? std::string_view{} : in.error().what;
}

bool is_refused(const member& m) {
  return !refusal(encoded(m)).empty();
}

} // namespace

// -- names --

TEST(Member, IdsAreWrittenInHexadecimal) {
  EXPECT_EQ(to_string(node_id::from(0x0123456789abcdef, 1)), "0123456789abcdef0000000000000001");
}

TEST(Member, IncarnationsAreWrittenAsGenerationAndRefutations) {
  EXPECT_EQ(to_string(incarnation{1'700'000'000'000, 3}), "1700000000000.3");
}

TEST(Member, StatesHaveNames) {
  EXPECT_EQ(to_string(member_state::alive), "alive");
  EXPECT_EQ(to_string(member_state::suspect), "suspect");
  EXPECT_EQ(to_string(member_state::dead), "dead");
  EXPECT_EQ(to_string(member_state::left), "left");
}

TEST(Member, AddressesAreWrittenAsPeopleWriteThem) {
  EXPECT_EQ(to_string(udp_address::v4(127, 0, 0, 1, 9080)), "127.0.0.1:9080");
  EXPECT_EQ(to_string(udp_address::v4(255, 20, 3, 0, 65535)), "255.20.3.0:65535");

  udp_address six{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a, 0xff, 0x00}, 80};
  EXPECT_EQ(to_string(six), "[2001:db8:0:0:0:0:a:ff00]:80");
  EXPECT_FALSE(six.is_v4());
  EXPECT_EQ(to_string(udp_address{{}, 1}), "[0:0:0:0:0:0:0:0]:1");
  EXPECT_TRUE(udp_address::v4(0, 0, 0, 0, 0).is_v4());
}

// -- incarnations --

TEST(Member, TheNextIncarnationIsHigher) {
  EXPECT_EQ((incarnation{5, 0}.next()), (incarnation{5, 1}));
  for (const auto& i : {incarnation{}, incarnation{5, 7}, incarnation{5, refutations_max - 1},
                        incarnation{5, refutations_max}, incarnation{generation_max, 0},
                        incarnation{generation_max - 1, refutations_max}})
    EXPECT_GT(i.next(), i) << to_string(i);
}

TEST(Member, TooManyRefutationsRaiseTheGeneration) {
  EXPECT_EQ((incarnation{5, refutations_max - 1}.next()), (incarnation{5, refutations_max}));
  EXPECT_EQ((incarnation{5, refutations_max}.next()), (incarnation{6, 0}));
}

TEST(Member, NoIncarnationIsBeyondWhatDecodersAccept) {
  const auto last = incarnation{generation_max, refutations_max}.next();
  EXPECT_LE(last.generation, generation_max);
  EXPECT_LE(last.refutations, refutations_max);
}

// -- what overrides what --

TEST(Member, AStatusOverridesByIncarnationFirstAndThenByState) {
  // In ascending order.
  std::vector<status> all;
  for (const auto at : {incarnation{1, 0}, incarnation{1, 1}, incarnation{2, 0}})
    for (const auto is :
         {member_state::alive, member_state::suspect, member_state::dead, member_state::left})
      all.push_back({at, is, {}});

  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t k = 0; k < all.size(); ++k)
      EXPECT_EQ(overrides(all[i], all[k]), i > k) << i << " over " << k;
}

TEST(Member, AccusersDoNotOverride) {
  status more{{1, 0}, member_state::suspect, {}};
  more.accusers.insert(numbered(1));
  const status fewer{{1, 0}, member_state::suspect, {}};

  EXPECT_FALSE(overrides(more, fewer));
  EXPECT_FALSE(overrides(fewer, more));
}

TEST(Member, AHigherIncarnationForgetsTheAccusers) {
  status known{{1, 0}, member_state::suspect, {}};
  known.accusers.insert(numbered(1));

  join(known, status{{1, 1}, member_state::suspect, {}});

  EXPECT_EQ(known.accusers.size(), 0u);
}

TEST(Member, AProfileIsTheOneWrittenLast) {
  auto known = sample_member();
  auto moved = known;
  moved.profile->written.refutations = 1;
  moved.profile->udp.port = 1;

  EXPECT_TRUE(join(known, moved).profile);
  EXPECT_EQ(known.profile->udp.port, 1);
  EXPECT_FALSE(join(known, sample_member()).any()) << "the old address must not come back";
  EXPECT_EQ(known.profile->udp.port, 1);
}

TEST(Member, AStatusWithoutAProfileKeepsTheKnownOne) {
  auto known = sample_member();

  const auto what = join(known, {known.id, {{1'700'000'000'000, 0}, member_state::dead, {}}, {}});

  EXPECT_TRUE(what.status);
  EXPECT_FALSE(what.profile);
  EXPECT_EQ(known.profile, sample_member().profile);
}

// -- laws --

TEST(MemberLaws, JoinIsCommutative) {
  for_random_members([](const member& a, const member& b, const member&) {
    EXPECT_EQ(joined(a, b), joined(b, a));
  });
}

TEST(MemberLaws, JoinIsAssociative) {
  for_random_members([](const member& a, const member& b, const member& c) {
    EXPECT_EQ(joined(joined(a, b), c), joined(a, joined(b, c)));
  });
}

TEST(MemberLaws, JoinIsIdempotent) {
  for_random_members([](const member& a, const member& b, const member&) {
    auto both = joined(a, b);
    EXPECT_EQ(joined(a, a), a);
    EXPECT_FALSE(join(both, a).any());
    EXPECT_FALSE(join(both, b).any());
  });
}

TEST(MemberLaws, JoinNeverLowersAStatus) {
  for_random_members([](const member& a, const member& b, const member&) {
    const auto both = joined(a, b);
    EXPECT_FALSE(overrides(a.status, both.status));
    EXPECT_FALSE(overrides(b.status, both.status));
  });
}

TEST(MemberLaws, JoinSaysWhatItChanged) {
  for_random_members([](const member& a, const member& b, const member&) {
    auto both = a;
    const auto what = join(both, b);
    EXPECT_EQ(what.status, std::tie(both.status.at, both.status.is, both.status.beyond) !=
                               std::tie(a.status.at, a.status.is, a.status.beyond));
    EXPECT_EQ(what.profile, both.profile != a.profile);
    EXPECT_EQ(what.any(), both != a);
    EXPECT_EQ(brings_news(a, b), what.any());
  });
}

TEST(MemberLaws, OnlySuspectsHaveAccusers) {
  for_random_members([](const member& a, const member& b, const member&) {
    const auto both = joined(a, b);
    EXPECT_TRUE(both.status.is == member_state::suspect || both.status.accusers.size() == 0);
  });
}

TEST(MemberLaws, EveryMemberSurvivesEncodingAndDecoding) {
  for_random_members([](const member& a, const member& b, const member&) {
    const auto bytes = encoded(joined(a, b));
    wire::reader in{bytes};
    EXPECT_EQ(decode_member(in), joined(a, b));
    in.expect_end();
    EXPECT_TRUE(in.ok());
  });
}

TEST(MemberLaws, DigestsAreEqualForEqualStatusAndProfileAndDifferOtherwise) {
  for_random_members([](const member& a, const member& b, const member&) {
    const auto what_counts = [](const member& m) {
      // On the profile of the gone nobody has to agree.
      const bool with_profile = m.profile && m.status.is < member_state::dead;
      return std::tuple{m.status.at,
                        m.status.is,
                        m.status.beyond,
                        with_profile,
                        with_profile ? m.profile->written : incarnation{},
                        with_profile ? m.profile->session : session_id{}};
    };
    EXPECT_EQ(digest_of(a) == digest_of(b), what_counts(a) == what_counts(b));
  });
}

TEST(MemberLaws, DigestsOfEqualStatusOfDifferentMembersDiffer) {
  std::set<std::uint64_t> digests;
  for (std::uint64_t high = 0; high < 30; ++high)
    for (std::uint64_t low = 0; low < 30; ++low)
      digests.insert(digest_of({node_id::from(high, low), {{1, 0}, member_state::alive, {}}, {}}));

  EXPECT_EQ(digests.size(), 900u);
}

// -- accusers --

TEST(AccuserSet, KeepsTheLowestIdsInOrder) {
  accuser_set set;
  for (const std::uint64_t number : {9, 3, 12, 5, 1, 20, 7, 11, 2, 15})
    set.insert(numbered(number));

  const std::vector<node_id> kept{set.ids().begin(), set.ids().end()};
  EXPECT_EQ(kept, (std::vector{numbered(1), numbered(2), numbered(3), numbered(5), numbered(7),
                               numbered(9), numbered(11), numbered(12)}));
  EXPECT_FALSE(set.insert(numbered(15)));
  EXPECT_FALSE(set.insert(numbered(7)));
  EXPECT_TRUE(set.contains(numbered(7)));
  EXPECT_FALSE(set.contains(numbered(20)));
}

TEST(AccuserSet, JoiningIsAUnionCutToTheLowest) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    random_source random{seed};
    auto a = random_accusers(random);
    const auto b = random_accusers(random);
    std::set<node_id> both(a.ids().begin(), a.ids().end());
    both.insert(b.ids().begin(), b.ids().end());
    const auto before = a;

    const bool changed = a.join(b);

    std::vector<node_id> wanted(both.begin(), both.end());
    wanted.resize(std::min(wanted.size(), accuser_set::capacity));
    EXPECT_EQ(std::vector(a.ids().begin(), a.ids().end()), wanted) << "seed " << seed;
    EXPECT_EQ(changed, a != before) << "seed " << seed;
  }
}

TEST(AccuserSet, ClearForgetsAll) {
  accuser_set set;
  set.insert(numbered(1));
  set.clear();
  EXPECT_EQ(set, accuser_set{});
  EXPECT_EQ(set.size(), 0u);
}

// -- bytes --

TEST(Member, HasTheseBytes) {
  const member said{node_id::from(1, 2),
                    {{300, 1}, member_state::alive, {}},
                    profile{{300, 0}, {3}, udp_address::v4(10, 0, 0, 7, 0x2378), "a:1", "n", ""}};

  EXPECT_EQ(wire::to_hex(encoded(said)), "00000000000000010000000000000002" // id
                                         "ac02"                             // generation
                                         "01"                               // refutations
                                         "10"                               // alive
                                         "01"                               // with a profile
                                         "ac0200"                           // written
                                         "0000000000000003"                 // session
                                         "00000000000000000000ffff0a000007" // address
                                         "2378"                             // port
                                         "03613a31"                         // a:1
                                         "016e"                             // n
                                         "00"       // no address for clients
                                         "01020505" // speaks 5
                                         "00");
}

TEST(Member, DecoderRefusesWhatNoNodeWrites) {
  EXPECT_FALSE(is_refused(sample_member()));
  const auto with = [](auto change) {
    auto m = sample_member();
    change(m);
    return is_refused(m);
  };
  const std::string longest = std::string(253, 'a') + ":1";

  EXPECT_FALSE(with([](member& m) { m.status.at.generation = generation_max; }));
  EXPECT_TRUE(with([](member& m) { m.status.at.generation = generation_max + 1; }));
  EXPECT_TRUE(with([](member& m) { m.status.at.refutations = refutations_max + 1; }));
  EXPECT_TRUE(with([](member& m) { m.status.is = static_cast<member_state>(15); }));
  EXPECT_TRUE(with([](member& m) { m.profile->written.generation = generation_max + 1; }));
  EXPECT_FALSE(with([](member& m) { m.status.at.refutations = 1; }));
  EXPECT_TRUE(with([](member& m) { m.profile->written.refutations = 1; }))
      << "the owner could never override it";
  EXPECT_TRUE(with([](member& m) { m.profile->udp.port = 0; }));
  EXPECT_TRUE(with([](member& m) { m.profile->address = "nowhere"; }));
  EXPECT_TRUE(with([](member& m) { m.profile->address.clear(); }));
  EXPECT_FALSE(with([&](member& m) { m.profile->address = longest; }));
  EXPECT_TRUE(with([&](member& m) { m.profile->address = "a" + longest; }));
  EXPECT_TRUE(with([](member& m) { m.profile->http_address = "nowhere"; }));
  EXPECT_FALSE(with([](member& m) { m.profile->http_address.clear(); }));
  EXPECT_FALSE(with([](member& m) { m.profile->name = std::string(name_bytes_max, 'x'); }));
  EXPECT_TRUE(with([](member& m) { m.profile->name = std::string(name_bytes_max + 1, 'x'); }));
  EXPECT_TRUE(with([](member& m) { m.profile->name = "two\nlines"; }));
  EXPECT_TRUE(with([](member& m) { m.profile->name = "\xc3\xa4"; }));
}

// -- what later versions know --

TEST(Member, AStateOfALaterVersionIsTakenForTheOneBelow) {
  const auto read = [](int number) {
    wire::writer out;
    encode(out, incarnation{1, 0});
    out.u8(static_cast<std::uint8_t>(number));
    out.u8(0); // accusers, where there are any
    wire::reader in{out.view()};
    return decode_status(in);
  };
  for (const auto& [number, is] : {std::pair{16, member_state::alive},
                                   {17, member_state::alive},
                                   {31, member_state::alive},
                                   {32, member_state::suspect},
                                   {47, member_state::suspect},
                                   {48, member_state::dead},
                                   {49, member_state::dead},
                                   {63, member_state::dead},
                                   {64, member_state::left},
                                   {255, member_state::left}}) {
    EXPECT_EQ(read(number).is, is) << number;
    EXPECT_EQ(static_cast<int>(is) + read(number).beyond, number);
  }
}

TEST(Member, AStateOfALaterVersionIsOrderedAndPassedOnAsItIs) {
  const status dead{{1, 0}, member_state::dead, {}};
  const status left{{1, 0}, member_state::left, {}};
  auto out = dead;
  out.beyond = 8;
  EXPECT_TRUE(overrides(out, dead));
  EXPECT_TRUE(overrides(left, out));
  EXPECT_FALSE(overrides(dead, out));
  EXPECT_TRUE(overrides(status{{1, 1}, member_state::alive, {}}, out)) << "it may contradict";
  auto known = dead;
  EXPECT_TRUE(join(known, out).status);
  EXPECT_FALSE(join(known, dead).any());
  EXPECT_EQ(known, out);

  const auto bytes = encoded(known);
  EXPECT_EQ(static_cast<std::uint8_t>(bytes.back()), 48 + 8);
  wire::reader in{bytes};
  EXPECT_EQ(decode_status(in), out);
}

TEST(Member, FieldsOfALaterVersionArriveWhole) {
  auto m = sample_member();
  m.profile->abilities.others = {{7, "a zone"}, {300, "a seat"}};
  auto known = sample_member();
  known.profile->written.generation -= 1;
  const auto bytes = encoded(m);
  wire::reader again{bytes};
  join(known, decode_member(again));
  EXPECT_EQ(encoded(known), encoded(m));
}

TEST(Member, ProfilesAreOrderedAlikeWhateverIsKnownOfThem) {
  // As a version that knows the fields, and one that does not, would order them.
  auto a = sample_profile();
  auto b = a;
  a.abilities.others = {{7, "a"}};
  b.abilities.others = {{7, "b"}};
  EXPECT_LT(a, b);
  EXPECT_EQ(a < b, encoded(a) < encoded(b));
  b = a;
  b.written.refutations += 1;
  EXPECT_LT(a, b) << "first by when it was written";
  b = a;
  b.session.bits -= 1;
  b.name = "z";
  EXPECT_LT(b, a) << "then by session";
}

TEST(Member, DecoderRefusesAccusersThatAreTooManyOrOutOfOrder) {
  const auto suspect = [](std::uint8_t count, const std::vector<std::uint64_t>& accusers) {
    wire::writer out;
    encode(out, numbered(99));
    encode(out, incarnation{1, 0});
    out.u8(static_cast<std::uint8_t>(member_state::suspect));
    out.u8(count);
    for (const auto a : accusers)
      encode(out, numbered(a));
    out.u8(0);
    return std::string{out.view()};
  };

  EXPECT_EQ(refusal(suspect(3, {1, 2, 3})), "");
  EXPECT_EQ(refusal(suspect(2, {2, 1})), "accusers out of order");
  EXPECT_EQ(refusal(suspect(2, {2, 2})), "accusers out of order");
  EXPECT_EQ(refusal(suspect(8, {1, 2, 3, 4, 5, 6, 7, 8})), "");
  EXPECT_EQ(refusal(suspect(9, {1, 2, 3, 4, 5, 6, 7, 8, 9})), "too many accusers");
}

TEST(Member, DecoderRefusesEveryTruncationAndAnyTail) {
  auto m = sample_member();
  m.status.is = member_state::suspect;
  m.status.accusers.insert(numbered(1));
  const auto bytes = encoded(m);

  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(refusal(std::string_view{bytes}.substr(0, size)), "") << size;
  EXPECT_NE(refusal(bytes + '\0'), "");
}

TEST(Member, DecoderRefusesAnUnknownMarkOfAProfile) {
  auto bytes = encoded(member{numbered(1), {{1, 0}, member_state::alive, {}}, {}});
  EXPECT_EQ(refusal(bytes), "");
  bytes.back() = 2;
  EXPECT_EQ(refusal(bytes), "a member with a malformed profile");
}

TEST(Member, NoneIsLargerThanItsBound) {
  auto largest = sample_member();
  largest.status = {{generation_max, refutations_max}, member_state::suspect, {}};
  for (std::uint64_t i = 0; i < accuser_set::capacity; ++i)
    largest.status.accusers.insert(numbered(i));
  EXPECT_LE(encoded(largest.status).size(), status_bytes_max);

  auto& p = *largest.profile;
  p.written = {generation_max, refutations_max};
  p.address = std::string(253, 'a') + ":1";
  p.http_address = p.address;
  p.name = std::string(name_bytes_max, 'n');
  EXPECT_FALSE(is_refused(largest));
  p.abilities.others = {{7, std::string(abilities_bytes_max - 8, 'x')}};
  EXPECT_FALSE(is_refused(largest));
  EXPECT_LE(encoded(p).size(), profile_bytes_max);
  EXPECT_LE(encoded(largest).size(), member_bytes_max);
}

} // namespace starling::membership

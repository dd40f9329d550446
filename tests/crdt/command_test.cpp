#include "crdt/command.hpp"
#include "crdt/view.hpp"
#include "tests/crdt/names.hpp"
#include "tests/crdt/subjects.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace starling::crdt {
namespace {

using members = std::vector<payload>;

constexpr auto most = std::numeric_limits<std::int64_t>::max();

const auto apple = text("apple");
const auto pear = text("pear");
const auto plum = text("plum");

/// The delta of a command that was not refused.
std::optional<value> delta_of(value& target, const command& c, const replica_id& self = a) {
  const auto before = target;
  auto result = apply(target, c, self, 1000);
  auto delta = std::get<std::optional<value>>(std::move(result));
  auto joined = before;
  if (delta)
    joined.join(*delta);
  EXPECT_EQ(joined, target) << "the delta does not tell what the command did";
  return delta;
}

void expect_refused(value& target, const command& c, refusal why) {
  const auto before = target;
  EXPECT_EQ(std::get<refusal>(apply(target, c, a, 1000)), why);
  EXPECT_EQ(target, before);
}

members members_of(const value& v) {
  return v.as<or_set>().members();
}

/// A set whose replica `a` has no more than `left` event numbers.
value almost_exhausted(std::uint64_t left) {
  wire::writer out;
  out.varint(1);
  encode(out, a);
  out.varint(1);
  out.varint(event_number_max - left);
  out.varint(0);
  out.varint(0);
  return std::get<or_set>(decoded<or_set>(std::move(out).take()));
}

TEST(Command, KnowsTheTypeItIsFor) {
  EXPECT_EQ(type_of(counter_add{}), type::counter);
  EXPECT_EQ(type_of(register_assign{}), type::register_);
  EXPECT_EQ(type_of(set_change{}), type::set);
}

TEST(Command, AddsToACounter) {
  value v{type::counter};
  EXPECT_TRUE(delta_of(v, counter_add{5}));
  EXPECT_TRUE(delta_of(v, counter_add{-2}));
  EXPECT_EQ(v.as<pn_counter>().read().value, 3);
}

TEST(Command, IsRefusedWhenTheCounterWouldLeaveTheRange) {
  value v{type::counter};
  delta_of(v, counter_add{most});
  expect_refused(v, counter_add{1}, refusal::counter_range);
  EXPECT_EQ(to_string(refusal::counter_range), "the counter would leave the signed 64-bit range");
}

TEST(Command, AssignsARegister) {
  value v{type::register_};
  EXPECT_TRUE(delta_of(v, register_assign{apple}));
  EXPECT_EQ(v.as<lww_register>().current(), (lww_register::write{1000, a, apple}));
}

TEST(Command, IsRefusedWhenTheRegisterHasNoStampLeft) {
  wire::writer out;
  out.u8(1);
  out.varint(lww_register::stamp_limit - 1);
  encode(out, b);
  encode(out, apple);
  value v{std::get<lww_register>(decoded<lww_register>(std::move(out).take()))};
  expect_refused(v, register_assign{pear}, refusal::exhausted);
  EXPECT_EQ(to_string(refusal::exhausted), "the value has no room for another event");
}

TEST(Command, AddsAndRemovesMembersInOneDelta) {
  value v{type::set};
  delta_of(v, set_change{{{apple, {}}, {pear, {}}}, {}});
  value other{type::set};
  other.join(v);

  const auto delta = delta_of(v, set_change{{{plum, {}}}, {{apple, {}}, {pear, {}}}});
  EXPECT_EQ(members_of(v), members{plum});
  other.join(*delta);
  EXPECT_EQ(other, v);
}

TEST(Command, BlindRemoveRemovesWhatIsObservedAtThatMoment) {
  value v{type::set};
  delta_of(v, set_change{{{apple, {}}}, {}}, a);
  delta_of(v, set_change{{{apple, {}}}, {}}, b);
  delta_of(v, set_change{{}, {{apple, {}}}}, c);
  EXPECT_EQ(members_of(v), members{});
}

TEST(Command, RemoveWithAContextRemovesOnlyWhatItCovers) {
  value v{type::set};
  delta_of(v, set_change{{{apple, {}}}, {}}, a);
  const auto observed = v.as<or_set>().context(apple);
  delta_of(v, set_change{{{apple, {}}}, {}}, b);
  delta_of(v, set_change{{}, {{apple, observed}}}, c);
  EXPECT_EQ(members_of(v), members{apple});

  EXPECT_FALSE(delta_of(v, set_change{{}, {{apple, version_vector{}}}}, c));
}

TEST(Command, AddWithAContextReplacesWhatItCovers) {
  value v{type::set};
  delta_of(v, set_change{{{apple, {}}}, {}}, a);
  delta_of(v, set_change{{{apple, v.as<or_set>().context(apple)}}, {}}, b);
  EXPECT_EQ(v.as<or_set>().rows().at(apple), (or_set::row{{b, 1, true}}));
}

TEST(Command, GivesNoDeltaWhereNothingChanges) {
  value v{type::set};
  EXPECT_FALSE(delta_of(v, set_change{}));
  EXPECT_FALSE(delta_of(v, set_change{{}, {{apple, {}}}}));
  EXPECT_TRUE(v.empty());
}

TEST(Command, CanCreateWhateverItCanChangeAtTheBottom) {
  const std::vector<command> commands{
      counter_add{-1},
      register_assign{{payload_kind::json, "null"}},
      set_change{},
      set_change{{{apple, {}}}, {}},
      set_change{{}, {{apple, {}}, {pear, version_vector{}}}},
      set_change{{}, {{apple, {}}, {pear, version_vector{{b, 1}}}}},
      set_change{{}, {{apple, version_vector{{a, 1}}}}},
      set_change{{}, {{apple, version_vector{{a, 1}, {b, 1}}}}},
  };
  for (const auto& c : commands) {
    value v{type_of(c)};
    EXPECT_EQ(can_create(c, a), std::get<0>(apply(v, c, a, 1)).has_value()) << c.index();
  }
}

TEST(Command, OfAnyTypeCreatesAKeyExactlyIfItCan) {
  for (const auto t : types::ids) {
    const value bottom{t};
    for (unsigned choice = 0; choice < 1'000; ++choice) {
      const auto c = command_for(bottom, choice);
      value v{t};
      EXPECT_EQ(can_create(c, a), std::get<0>(apply(v, c, a, 1)).has_value())
          << to_string(t) << ' ' << choice;
      if (!v.empty() || !can_create(c, a))
        view_of(v, c); // may be asked for
    }
  }
}

TEST(Command, ChangesASetInFullOrNotAtAll) {
  auto v = almost_exhausted(2);
  expect_refused(v, set_change{{{apple, {}}, {pear, {}}, {plum, {}}}, {}}, refusal::exhausted);
  EXPECT_TRUE(delta_of(v, set_change{{{apple, {}}, {pear, {}}}, {}}));
  expect_refused(v, set_change{{{plum, {}}}, {{apple, {}}}}, refusal::exhausted);
  EXPECT_TRUE(delta_of(v, set_change{{}, {{apple, {}}}}));
  EXPECT_EQ(members_of(v), members{pear});
}

} // namespace
} // namespace starling::crdt

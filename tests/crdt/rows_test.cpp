// What crdt/rows.hpp asks of every type that has rows.

#include "crdt/rows.hpp"
#include "tests/crdt/subjects.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace starling::crdt {
namespace {

using steps = std::vector<step>;
using choices = std::vector<unsigned>;

template <class Subject>
class Rows : public testing::Test {};

TYPED_TEST_SUITE(Rows, subjects_with_rows, names_of_types);

template <class State>
using row_map = typename State::row_map;

/// The members whose rows differ.
template <class State>
std::set<payload> changed_members(const State& before, const State& after) {
  std::set<payload> result;
  for (const auto* both : {&before, &after})
    for (const auto& [member, row] : both->rows())
      for (const auto* one : {&before, &after})
        if (const auto found = one->rows().find(member);
            found == one->rows().end() || found->second != row)
          result.insert(member);
  return result;
}

/// Those whose rows may change when a message is joined, as a holder of rows asks for them.
template <class State>
std::set<payload> touched_members(const State& whole, const State& message) {
  std::set<payload> result;
  for (const auto& [member, row] : message.rows())
    result.insert(member);
  for (auto& member : whole.touched_by(message.seen()))
    result.insert(std::move(member));
  return result;
}

template <class T>
bool includes(const std::set<T>& all, const std::set<T>& some) {
  return std::ranges::includes(all, some);
}

TYPED_TEST(Rows, MakeTheStateTogetherWithWhatItHasSeen) {
  using state = typename TypeParam::state;
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      const auto& x = h.any(choice);
      RC_ASSERT((state{x.seen(), x.rows()} == x));
      state part{x.seen(), {}};
      std::size_t footprint = 0;
      for (const auto& [member, row] : x.rows()) {
        part.put({{member, row}});
        footprint += state::footprint_of(member, row);
      }
      RC_ASSERT(part == x);
      RC_ASSERT(TypeParam::type::footprint(part) == footprint);
      RC_ASSERT(TypeParam::type::footprint(x) == footprint);
    }
  });
}

TYPED_TEST(Rows, AreReadAsTheyWereWritten) {
  using state = typename TypeParam::state;
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      const auto& x = h.any(choice);
      for (const auto& [member, row] : x.rows()) {
        wire::writer out;
        state::encode_row(out, row);
        RC_ASSERT(state::decode_row(out.view()) == row);
        RC_ASSERT(state::fits(row, x.seen()));
      }
      RC_ASSERT(!state::decode_row(""));
    }
  });
}

TYPED_TEST(Rows, HaveOrderedEntriesOfWhichTheLiveOnesWereSeenAndHoldOneMember) {
  using state = typename TypeParam::state;
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      const auto& x = h.any(choice);
      std::set<dot> held;
      for (const auto& [member, row] : x.rows()) {
        RC_ASSERT(!row.empty());
        dot last;
        bool is_live = false;
        for (const auto& e : state::entries_of(row)) {
          const dot event{e.replica, e.number};
          RC_ASSERT(last < event);
          last = event;
          is_live = is_live || e.live;
          if (e.live) {
            RC_ASSERT(x.seen().contains(event));
            RC_ASSERT(held.insert(event).second);
          }
        }
        RC_ASSERT(last.number > 0);
        RC_ASSERT(state::is_live(row) == is_live);
      }
    }
  });
}

TYPED_TEST(Rows, ThatAJoinDoesNotTouchNeedNotBeThere) {
  using state = typename TypeParam::state;
  expect_law([](const steps& s) {
    for (const auto& [before, message, novelty, after] : history<TypeParam>(s).joins) {
      const auto touched = touched_members(before, message);
      RC_ASSERT(includes(touched, changed_members(before, after)));
      row_map<state> here;
      row_map<state> elsewhere;
      for (const auto& one : before.rows())
        (touched.contains(one.first) ? here : elsewhere).insert(one);
      state part{before.seen(), std::move(here)};
      RC_ASSERT(part.join(message) == novelty);
      part.put(std::move(elsewhere));
      RC_ASSERT(part == after);
    }
  });
}

TYPED_TEST(Rows, ThatACommandDoesNotNameOrFindNeedNotBeThere) {
  using type = typename TypeParam::type;
  using state = typename TypeParam::state;
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      const auto& before = h.any(choice);
      const auto self = replica_id::from(choice % 3, 7);
      const auto what =
          std::get<typename type::command>(TypeParam::command_of(h.any(choice / 7), choice));
      auto touched = type::members_of(what);
      RC_ASSERT(std::ranges::is_sorted(touched));
      causal_context numbered;
      if (const auto events = type::events_of(what); events > 0)
        numbered.insert(self, {before.seen().last(self) + 1, before.seen().last(self) + events});
      std::ranges::copy(before.touched_by(numbered), std::back_inserter(touched));
      row_map<state> here;
      row_map<state> elsewhere;
      for (const auto& one : before.rows()) {
        const bool is_touched = std::ranges::find(touched, one.first) != touched.end();
        (is_touched ? here : elsewhere).insert(one);
      }
      state part{before.seen(), std::move(here)};
      auto whole = before;
      RC_ASSERT(type::apply(part, what, self, 1000) == type::apply(whole, what, self, 1000));
      part.put(std::move(elsewhere));
      RC_ASSERT(part == whole);
    }
  });
}

TYPED_TEST(Rows, AreEncodedEntryByEntryAsTheStateIs) {
  using state = typename TypeParam::state;
  expect_law([](const steps& s, const choices& order) {
    const history<TypeParam> h(s);
    for (const auto choice : order) {
      const auto& x = h.any(choice);
      std::vector<held_entry<typename state::row>> all;
      std::size_t bytes = 0;
      for (const auto& row : x.rows()) {
        bytes += row.first.data.size() + 8;
        for (const auto& e : state::entries_of(row.second)) {
          all.emplace_back(&row, e);
          bytes += state::bytes_of(row.second, e);
        }
      }
      wire::writer out;
      state::encode_part(out, x.seen(), all);
      RC_ASSERT(out.view() == bytes_of(x));
      wire::writer without_rows;
      state{x.seen(), {}}.encode(without_rows);
      constexpr std::size_t table_bytes = 3 * 18; // replicas that only rows name
      RC_ASSERT(out.size() <= without_rows.size() + bytes + table_bytes);
    }
  });
}

} // namespace
} // namespace starling::crdt

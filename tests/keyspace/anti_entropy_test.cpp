#include "keyspace/anti_entropy.hpp"
#include "storage/kept_since.hpp"
#include "storage/witnesses.hpp"

#include <gmock/gmock.h>

namespace starling::keyspace {
namespace {

using namespace std::chrono_literals;
using replication::answer;
using replication::message;
using replication::phase;
using replication::verdict;
using testing::ElementsAre;
using testing::IsEmpty;

const session_id self{1};
const session_id bob{2};
const session_id carol{3};
const auto own_id = crdt::replica_id::from(1, 2);
const auto other_id = crdt::replica_id::from(3, 4);
const crdt::key visitors{crdt::type::counter, "visitors"};
const crdt::key guests{crdt::type::counter, "guests"};
const replication::digester digests{{}};

crdt::value counter(std::int64_t amount, const crdt::replica_id& by = other_id) {
  crdt::pn_counter result;
  result.add(by, amount);
  return result;
}

std::string message_of(session_id from, const std::vector<crdt::key>& keys,
                       session_id kept_since = {}) {
  message m{from, self, 1, 0, phase::tells};
  m.kept_since = kept_since;
  std::vector<replication::encoded_item> items;
  for (const auto& key : keys)
    items.push_back({key, counter(5).encode()});
  return encode(m, items);
}

class AntiEntropy : public testing::Test {
protected:
  AntiEntropy() { settings.interval = 5s; }

  void open() { core.emplace(settings); }

  /// Takes the effects of a kind.
  template <class Effect>
  std::vector<Effect> all() {
    std::vector<Effect> result;
    std::erase_if(todo, [&](auto& e) {
      auto* one = std::get_if<Effect>(&e);
      if (one != nullptr)
        result.push_back(std::move(*one));
      return one != nullptr;
    });
    return result;
  }

  void receive(const std::string& bytes) { core->receive(++last, bytes, todo); }

  /// The keys tell that all of it was new.
  void record_all(const join_parts& parts) {
    for (const auto& [key, part] : parts.items)
      core->record(key, {part, digests.digest_of(key, part), std::nullopt, parts.from}, todo);
  }

  void join_all() {
    for (const auto& parts : all<join_parts>()) {
      record_all(parts);
      core->joined(parts.number, {}, todo);
    }
  }

  void tick(unsigned times) {
    for (; times > 0; --times)
      core->tick(todo);
  }

  anti_entropy_settings settings{.self = self, .limits = {}, .digests = digests};
  std::optional<anti_entropy> core;
  gossip_effects todo;
  ticket last = 0;
};

TEST_F(AntiEntropy, AcknowledgesAMessageOnceAllOfItIsJoined) {
  open();
  receive(message_of(bob, {visitors, guests}));
  const auto parts = all<join_parts>();
  ASSERT_EQ(parts.size(), 1u) << "together";
  EXPECT_EQ(parts[0].items.size(), 2u);
  record_all(parts[0]);
  EXPECT_TRUE(core->is_joining());
  EXPECT_THAT(all<reply>(), IsEmpty());
  core->joined(parts[0].number, {}, todo);
  const auto replies = all<reply>();
  ASSERT_EQ(replies.size(), 1u);
  const auto said = replication::decode_answer(std::get<std::string>(replies[0].what));
  EXPECT_EQ(std::get<answer>(said).verdict, verdict::joined);
}

TEST_F(AntiEntropy, AcknowledgesNothingOfAMessageThatIsJoinedInPart) {
  open();
  receive(message_of(bob, {visitors, guests}));
  join_outcome outcome;
  outcome.add({reason::disk_full, "no room"});
  core->joined(all<join_parts>().at(0).number, outcome, todo);
  const auto replies = all<reply>();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(std::get<failure>(replies[0].what).why, reason::disk_full);
  EXPECT_FALSE(core->is_joining());
}

TEST_F(AntiEntropy, AcknowledgesAMessageOfWhichItKnowsNotAll) {
  open();
  const auto later = static_cast<crdt::type>(200);
  receive(encode(message{bob, self, 1, 0, phase::tells}, {{{later, "peak"}, "\1\xc8\7"},
                                                          {visitors, counter(5).encode()},
                                                          {guests, counter(5).encode()}}));
  const auto parts = all<join_parts>();
  ASSERT_EQ(parts.at(0).items.size(), 2u);
  join_outcome outcome;
  outcome.add({reason::newer_format, "it is newer here"});
  core->joined(parts[0].number, outcome, todo);
  const auto replies = all<reply>();
  ASSERT_EQ(replies.size(), 1u);
  const auto said =
      std::get<answer>(replication::decode_answer(std::get<std::string>(replies[0].what)));
  EXPECT_EQ(said.verdict, verdict::joined);
  EXPECT_EQ(core->skipped(), 2u);
  EXPECT_EQ(said.kept_since, session_id{}) << "it is nobody who has all";
  const auto kept = all<keep>();
  ASSERT_EQ(kept.size(), 1u) << "nor will it be in its next life; once is enough";
  storage::batch forgetting;
  storage::forget_kept_since(forgetting);
  EXPECT_EQ(kept[0].changes.changes(), forgetting.changes());
}

TEST_F(AntiEntropy, ForgetsAgainWhatItKeepsUnderAnotherId) {
  open();
  const auto later = static_cast<crdt::type>(200);
  const auto skip_one = [&](std::uint64_t sequence) {
    receive(encode(message{bob, self, sequence, 0, phase::tells}, {{{later, "peak"}, "\1\xc8\7"}}));
    return all<keep>().size();
  };
  EXPECT_EQ(skip_one(1), 1u);
  const auto so_far = skip_one(2);
  core->number_under(crdt::replica_id::from(9, 9));
  core->doubt_what_is_kept();
  EXPECT_EQ(skip_one(3), so_far + 1) << "the row was written anew";
  const auto replies = all<reply>();
  const auto said =
      std::get<answer>(replication::decode_answer(std::get<std::string>(replies.back().what)));
  EXPECT_EQ(said.kept_since, session_id{}) << "something was skipped in this session";
}

TEST_F(AntiEntropy, HasNewsToldBeforeARound) {
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  todo.clear();
  core->has_news(visitors, todo);
  core->round_due(todo);
  const auto asked = all<gather_news>();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_THAT(asked[0].keys, ElementsAre(visitors));
  EXPECT_THAT(all<post>(), IsEmpty());
  core->record(visitors, {counter(1, own_id), {1, 1}}, todo);
  core->gathered(todo);
  EXPECT_EQ(all<post>().size(), 1u);
  core->round_due(todo);
  EXPECT_THAT(all<gather_news>(), IsEmpty()) << "there are none";
}

TEST_F(AntiEntropy, PromptsARoundForNews) {
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  core->prompt_due(todo);
  todo.clear();
  core->has_news(visitors, todo);
  EXPECT_EQ(all<prompt_later>().size(), 1u);
  core->has_news(guests, todo);
  EXPECT_THAT(all<prompt_later>(), IsEmpty());
  core->prompt_due(todo);
  EXPECT_THAT(all<gather_news>().at(0).keys, ElementsAre(visitors, guests));
}

TEST_F(AntiEntropy, HasNewsToldBeforeItAnswersOrShowsWhatIsRecorded) {
  open();
  core->has_news(visitors, todo);
  receive(message_of(bob, {}));
  core->catch_up(7, todo);
  EXPECT_THAT(all<reply>(), IsEmpty());
  EXPECT_EQ(all<gather_news>().size(), 1u) << "they wait for the same";
  core->record(visitors, {counter(1, own_id), {1, 1}}, todo);
  core->gathered(todo);
  const auto said = replication::decode_answer(std::get<std::string>(all<reply>().at(0).what));
  EXPECT_EQ(std::get<answer>(said).root, (replication::digest{1, 1}));
  EXPECT_EQ(all<is_up_to_date>().at(0).to, 7u);
}

TEST_F(AntiEntropy, HandsOnAtAStopWhatBecameNewsWhileOthersWereGathered) {
  open();
  core->has_news(visitors, todo);
  core->round_due(todo);
  ASSERT_EQ(all<gather_news>().size(), 1u);
  core->has_news(guests, todo);
  core->flush(9, todo);
  core->gathered(todo);
  EXPECT_THAT(all<flushed>(), IsEmpty());
  EXPECT_THAT(all<gather_news>().at(0).keys, ElementsAre(guests));
  core->gathered(todo);
  EXPECT_EQ(all<flushed>().at(0).to, 9u);
}

TEST_F(AntiEntropy, CountsTheKeysThatItDoesNotKnow) {
  open();
  core->restore({{{visitors, {1, 1}}}, 2});
  core->restore({{}, 3});
  EXPECT_EQ(core->unknown_keys(), 5u);
  EXPECT_EQ(core->core().tree().size(), 1u);
}

TEST_F(AntiEntropy, IsNobodyWhoBringsAllWhileThereAreKeysThatItDoesNotKnow) {
  settings.is_restoring = true;
  settings.kept_since = session_id{9};
  open();
  core->restore({{{visitors, {1, 1}}}, 2});
  core->restored(todo);
  receive(message_of(bob, {}));
  const auto said = replication::decode_answer(std::get<std::string>(all<reply>()[0].what));
  EXPECT_EQ(std::get<answer>(said).kept_since, session_id{});
}

TEST_F(AntiEntropy, SaysOfBytesThatAreNoMessageWhatIsWrong) {
  open();
  receive("nonsense");
  EXPECT_EQ(std::get<failure>(all<reply>()[0].what).why, reason::bad_message);
}

TEST_F(AntiEntropy, TakesNoMessagesAndPeersBeforeItKnowsWhatTheDiskHas) {
  settings.is_restoring = true;
  open();
  receive(message_of(bob, {visitors}));
  EXPECT_EQ(std::get<failure>(all<reply>()[0].what).why, reason::unavailable);
  core->set_peer("bob", bob, "bob:1", {}, todo);
  core->round_due(todo);
  EXPECT_THAT(todo, IsEmpty());
  core->restored(todo);
  core->round_due(todo);
  EXPECT_EQ(all<post>().size(), 1u);
}

TEST_F(AntiEntropy, KeepsWhatItHearsOfOthersBeforeItJoinsWhatCameAlong) {
  open();
  message m{bob, self, 1, 0, phase::tells};
  m.tallies.push_back({other_id, 7});
  receive(encode(m, {{visitors, counter(5).encode()}}));
  ASSERT_GE(todo.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<keep>(todo[0]));
  EXPECT_TRUE(std::holds_alternative<join_parts>(todo[1]));
}

TEST_F(AntiEntropy, NoticesOnceThatSomebodyKnowsMoreOfThisNodeThanItsDisk) {
  settings.own = replication::tally{own_id, 3};
  open();
  message m{bob, self, 1, 0, phase::tells};
  m.tallies.push_back({own_id, 7});
  receive(encode(m, {}));
  EXPECT_EQ(all<was_set_back>().size(), 1u);
  m.sequence = 2;
  receive(encode(m, {}));
  EXPECT_THAT(all<was_set_back>(), IsEmpty());
}

TEST_F(AntiEntropy, CountsItsStartAndLaterWhatOthersBringNowAndThen) {
  settings.own = replication::tally{own_id, 3};
  open();
  tick(1);
  EXPECT_EQ(all<count_moment>().size(), 1u) << "a start";
  core->counted(4);
  EXPECT_EQ(core->core().tallies().of(own_id), 4u);
  EXPECT_FALSE(core->core().was_set_back());
  tick(100);
  EXPECT_THAT(all<count_moment>(), IsEmpty()) << "nothing has come";

  receive(message_of(bob, {visitors}));
  join_all();
  tick(1);
  EXPECT_EQ(all<count_moment>().size(), 1u);
  receive(message_of(bob, {guests}));
  join_all();
  tick(100);
  EXPECT_THAT(all<count_moment>(), IsEmpty()) << "one is under way";
  core->counted(5);
  tick(1);
  EXPECT_EQ(all<count_moment>().size(), 1u);
  core->counted(6);
  receive(message_of(bob, {visitors, guests}));
  join_all();
  tick(4);
  EXPECT_THAT(all<count_moment>(), IsEmpty()) << "not too often";
  tick(1);
  EXPECT_EQ(all<count_moment>().size(), 1u);
}

TEST_F(AntiEntropy, CountsNothingBeforeItsIdIsConfirmedNorWithoutADisk) {
  settings.own = replication::tally{own_id, 3};
  settings.is_certain = false;
  open();
  tick(10);
  core->found_no_witness();
  tick(10);
  EXPECT_THAT(all<count_moment>(), IsEmpty());
  core->confirmed();
  tick(1);
  EXPECT_EQ(all<count_moment>().size(), 1u);

  open();
  core->number_under(other_id);
  tick(1);
  EXPECT_EQ(all<count_moment>().size(), 1u) << "another id is certain";

  settings.own.reset();
  settings.is_certain = true;
  open();
  tick(10);
  EXPECT_THAT(all<count_moment>(), IsEmpty());
}

TEST_F(AntiEntropy, HasWhatItWasToldCommittedThoughNothingElseComes) {
  open();
  message m{bob, self, 1, 0, phase::tells};
  m.tallies.push_back({other_id, 7});
  receive(encode(m, {}));
  tick(4);
  EXPECT_THAT(all<commit_what_is_kept>(), IsEmpty());
  tick(1);
  EXPECT_EQ(all<commit_what_is_kept>().size(), 1u);
  tick(100);
  EXPECT_THAT(all<commit_what_is_kept>(), IsEmpty());
}

TEST_F(AntiEntropy, KeepsAtOnceSinceWhenAPeerKeepsWhatItKnows) {
  const session_id long_ago{77};
  settings.own = replication::tally{own_id, 3};
  settings.witnesses = {carol};
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  receive(message_of(bob, {}, long_ago));
  storage::batch expected;
  storage::put_witnesses(expected, {carol, long_ago});
  const auto kept = all<keep>();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].changes.changes(), expected.changes());
  EXPECT_EQ(all<commit_what_is_kept>().size(), 1u);
  receive(message_of(bob, {}, long_ago));
  EXPECT_THAT(all<keep>(), IsEmpty());
}

TEST_F(AntiEntropy, NotesNobodyAsAWitnessWhileItsIdIsInDoubt) {
  const session_id long_ago{77};
  settings.own = replication::tally{own_id, 3};
  settings.is_certain = false;
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  receive(message_of(bob, {}, long_ago));
  EXPECT_THAT(all<commit_what_is_kept>(), IsEmpty()) << "bob may have lost what he knew of it";

  core->confirmed();
  receive(message_of(bob, {}, long_ago));
  EXPECT_EQ(all<commit_what_is_kept>().size(), 1u);
}

TEST_F(AntiEntropy, SaysOfWhatItHasForgottenPerhapsThatItKeepsNothing) {
  open();
  EXPECT_EQ(core->state(other_id), (replication::statement{self, 0, self}));
  std::vector<replication::tally> many;
  for (std::uint64_t i = 1; i <= replication::tallies::most; ++i)
    many.push_back({crdt::replica_id::from(100, i), 1});
  core->remember(many);
  EXPECT_EQ(core->state(other_id), (replication::statement{self, 0, {}}));
  EXPECT_EQ(core->state(crdt::replica_id::from(100, 5)), (replication::statement{self, 1, self}));
}

TEST_F(AntiEntropy, TriesAPeerThatFailedLaterAndLater) {
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  std::vector<std::chrono::milliseconds> waits;
  core->record(visitors, {counter(1, own_id), {1, 1}}, todo);
  core->round_due(todo);
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(all<post>().size(), 1u);
    core->failed(bob, "no answer", todo);
    for (const auto& one : all<retry_later>())
      waits.push_back(one.wait);
    core->retry_due(bob, todo);
  }
  EXPECT_THAT(waits, ElementsAre(100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5s, 5s));
}

TEST_F(AntiEntropy, CountsAnAnswerThatCannotBeReadAsAFailure) {
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  core->round_due(todo);
  core->answered(bob, "nonsense", false, todo);
  EXPECT_EQ(core->failures(), 1u);
}

TEST_F(AntiEntropy, TellsOfAPeerThatTakesSomeMessagesAndOthersNotOnce) {
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  const auto fail_and_answer = [&] {
    core->round_due(todo);
    all<post>();
    core->failed(bob, "not ready", todo);
    core->round_due(todo);
    const auto sent = all<post>();
    ASSERT_EQ(sent.size(), 1u);
    const auto m = std::get<message>(replication::decode_message(sent[0].bytes));
    answer said{bob, self, m.sequence, verdict::busy, 0, {}};
    core->answered(bob, encode(said), false, todo);
  };
  for (int i = 0; i < 5; ++i) {
    fail_and_answer();
    tick(1);
  }
  EXPECT_EQ(all<went_silent>().size(), 1u);
  EXPECT_THAT(all<answers_again>(), IsEmpty());
  tick(5);
  EXPECT_EQ(all<answers_again>().size(), 1u);
}

class AntiEntropyThatLacksData : public AntiEntropy {
protected:
  AntiEntropyThatLacksData() {
    settings.rescuers = rescuers{{"bob", {true, long_ago}}, {"carol", {true, long_ago}}};
  }

  const session_id long_ago{77};

  /// A peer brings something from its log, so this node has all that it has.
  void bring(session_id from, std::optional<session_id> kept_since = {}) {
    receive(message_of(from, {visitors}, kept_since.value_or(long_ago)));
    join_all();
  }
};

TEST_F(AntiEntropyThatLacksData, HasAllBackOnceAllWhomItKnewHaveBroughtIt) {
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  core->set_peer("carol", carol, "carol:1", {}, todo);
  bring(bob);
  EXPECT_THAT(all<caught_up>(), IsEmpty());
  bring(carol);
  const auto told = all<caught_up>();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0].from, ElementsAre("bob", "carol"));
  EXPECT_THAT(told[0].unheard, IsEmpty());
  bring(bob);
  EXPECT_THAT(all<caught_up>(), IsEmpty()) << "it comes once";
}

TEST_F(AntiEntropyThatLacksData, GoesOnAfterAWhileWithoutThoseWhoDoNotCome) {
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  bring(bob);
  tick(14);
  EXPECT_THAT(all<caught_up>(), IsEmpty());
  tick(1);
  EXPECT_THAT(all<caught_up>()[0].unheard, ElementsAre("carol"));
}

TEST_F(AntiEntropyThatLacksData, BelievesOneWhoHasLeftSinceHeBroughtAll) {
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  core->set_peer("carol", carol, "carol:1", {}, todo);
  bring(bob);
  core->lose_peer("bob", todo);
  EXPECT_THAT(all<caught_up>(), IsEmpty());
  tick(15);
  const auto told = all<caught_up>();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0].from, ElementsAre("bob"));
  EXPECT_THAT(told[0].unheard, ElementsAre("carol"));
}

TEST_F(AntiEntropyThatLacksData, BelievesNobodyAnyMoreWhoTurnsOutToHaveLostSomething) {
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  bring(bob);
  bring(bob, bob);
  tick(100);
  EXPECT_THAT(all<caught_up>(), IsEmpty());
}

TEST_F(AntiEntropyThatLacksData, BelievesOneOnceItIsSettledSinceWhenHeKeepsAll) {
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  bring(bob, replication::not_settled);
  tick(15);
  EXPECT_THAT(all<caught_up>(), IsEmpty());
  receive(message_of(bob, {}, long_ago));
  EXPECT_THAT(all<caught_up>().at(0).from, ElementsAre("bob"));
}

TEST_F(AntiEntropyThatLacksData, BelievesNobodyWhoCameLater) {
  open();
  core->set_peer("dave", bob, "dave:1", {}, todo);
  bring(bob);
  tick(100);
  bring(bob);
  EXPECT_THAT(all<caught_up>(), IsEmpty());
}

TEST_F(AntiEntropyThatLacksData, BelievesNobodyWhoNeverHadAll) {
  settings.rescuers = rescuers{{"bob", {true, std::nullopt}}, {"carol", {false, long_ago}}};
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  bring(bob);
  tick(100);
  bring(bob);
  EXPECT_THAT(all<caught_up>(), IsEmpty());
  core->set_peer("carol", carol, "carol:1", {}, todo);
  bring(carol);
  EXPECT_THAT(all<caught_up>().at(0).from, ElementsAre("carol"));
}

TEST_F(AntiEntropyThatLacksData, WaitsForThoseWhoNeverHadAllAndMayHaveSomeOfIt) {
  settings.rescuers = rescuers{{"bob", {true, std::nullopt}}, {"carol", {true, long_ago}}};
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  core->set_peer("carol", carol, "carol:1", {}, todo);
  bring(carol);
  EXPECT_THAT(all<caught_up>(), IsEmpty());
  bring(bob);
  const auto told = all<caught_up>();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0].from, ElementsAre("carol"));
  EXPECT_THAT(told[0].unheard, IsEmpty());
}

TEST_F(AntiEntropyThatLacksData, BelievesNobodyWhoMayHaveLostSomethingSinceHeHadAll) {
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  tick(100);
  bring(bob, bob);
  EXPECT_THAT(all<caught_up>(), IsEmpty());
}

TEST_F(AntiEntropyThatLacksData, BelievesNobodyWhoFindsThatSomethingCannotBeRead) {
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  receive(message_of(bob, {}, long_ago));
  tick(100);
  bring(bob, session_id{});
  EXPECT_THAT(all<caught_up>(), IsEmpty());
}

TEST_F(AntiEntropyThatLacksData, WaitsForEverWhereItKnewNobody) {
  settings.rescuers = rescuers{};
  open();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  bring(bob);
  tick(100);
  bring(bob);
  EXPECT_THAT(all<caught_up>(), IsEmpty());
}

class AntiEntropyOfAHolder : public AntiEntropy {
protected:
  const session_id long_ago{77};

  /// Bob has all that is here, as he answers.
  void let_bob_have_all(session_id since) {
    core->round_due(todo);
    const auto sent = all<post>();
    ASSERT_EQ(sent.size(), 1u);
    const auto m = std::get<message>(replication::decode_message(sent[0].bytes));
    answer said{bob, self, m.sequence, verdict::joined, 0, {}, core->core().tree().root()};
    if (m.walk)
      said.walk = replication::answer_to(*m.walk, core->core().tree(), 4096).answer;
    said.kept_since = since;
    core->answered(bob, encode(said), false, todo);
  }
};

TEST_F(AntiEntropyOfAHolder, TellsOnceWhoHasAllAndSinceWhen) {
  open();
  core->restore({{{visitors, {1, 2}}}});
  core->set_peer("bob", bob, "bob:1", {}, todo);
  let_bob_have_all(long_ago);
  const auto told = all<held_all>();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].peer, bob);
  EXPECT_EQ(told[0].kept_since, long_ago);
  let_bob_have_all(long_ago);
  EXPECT_THAT(all<held_all>(), IsEmpty());
  let_bob_have_all(bob);
  EXPECT_EQ(all<held_all>().size(), 1u) << "it has lost something, and has all of ours again";
}

TEST_F(AntiEntropyOfAHolder, TellsOfNobodyWhereNotAllKeysAreKnown) {
  open();
  core->restore({{{visitors, {1, 2}}}});
  core->cannot_restore_all();
  core->set_peer("bob", bob, "bob:1", {}, todo);
  let_bob_have_all(long_ago);
  EXPECT_THAT(all<held_all>(), IsEmpty());
}

TEST_F(AntiEntropyOfAHolder, SaysThatItKeepsAllSinceThisSessionUnlessItIsLonger) {
  const auto said = [&] {
    core->set_peer("bob", bob, "bob:1", {}, todo);
    core->round_due(todo);
    return std::get<message>(replication::decode_message(all<post>().at(0).bytes)).kept_since;
  };
  open();
  EXPECT_EQ(said(), self);
  settings.kept_since = long_ago;
  open();
  EXPECT_EQ(said(), replication::not_settled) << "it knows not yet what the peer knows of it";
  core->set_peer("carol", carol, "carol:1", {}, todo);
  receive(message_of(carol, {}));
  EXPECT_EQ(
      std::get<answer>(replication::decode_answer(std::get<std::string>(all<reply>()[0].what)))
          .kept_since,
      long_ago);
  open();
  core->doubt_what_is_kept();
  EXPECT_EQ(said(), self);
}

TEST_F(AntiEntropyOfAHolder, SaysThatItKeepsNothingOnceItCannotReadWhatAPeerLacks) {
  settings.kept_since = long_ago;
  open();
  core->restore({{{visitors, {1, 2}}}});
  core->set_peer("bob", bob, "bob:1", {}, todo);
  core->round_due(todo);
  auto m = std::get<message>(replication::decode_message(all<post>().at(0).bytes));
  ASSERT_TRUE(m.walk);
  answer said{bob, self, m.sequence, verdict::joined, 0, {}};
  said.walk = replication::answer_to(*m.walk, {}, 4096).answer;
  said.kept_since = long_ago;
  core->answered(bob, encode(said), false, todo);
  core->state_read(all<read_state>().at(0).number, "", todo);
  m = std::get<message>(replication::decode_message(all<post>().at(0).bytes));
  EXPECT_EQ(m.kept_since, session_id{});
  said = {bob, self, m.sequence, verdict::joined, 0, {}};
  said.kept_since = long_ago;
  core->answered(bob, encode(said), false, todo);
  EXPECT_THAT(all<held_all>(), IsEmpty());
}

} // namespace
} // namespace starling::keyspace

#pragma once

// Since when a node has lost nothing, and what it tells of that.
//
// A disk may lose what it held, or be set back to what it held before. So a node says since which
// of its sessions it has lost nothing: that session is *kept since*. Who had all that a node had,
// and has lost nothing since, can bring back whatever the node loses. A node that has begun with an
// old disk does not know whether it was set back; others may know, who heard how far it had got
// with numbering its events. Until it has asked them the question is not *settled*, and a peer is
// told so; once a peer has said what it knows of others, it is *heard*.

#include "crdt/replica_id.hpp"
#include "replication/session.hpp"

#include <optional>
#include <set>

namespace starling::replication {

/// What a peer says of itself.
struct peer_holdings {
  std::optional<session_id> kept_since; // nothing yet, or 0 for nothing at all
  bool is_settled = true;               // unless it says that this is open
  bool is_heard = false;                // what it knew of others is known here

  /// Takes what a message of this peer says. Within a session a peer only ever comes to say less.
  /// So what it said before, and comes late, does not count.
  void hear(session_id peer, session_id told);

  /// Whether it has lost nothing since some session.
  bool keeps_something() const { return kept_since && *kept_since != session_id{}; }
};

/// What this node has lost or kept.
class holdings {
public:
  explicit holdings(session_id self) : self_(self) {}

  /// From now on this node numbers its events under that id, on a disk.
  void numbers_under(const crdt::replica_id& id);

  /// It did so under that one since it lost anything.
  void numbered_under(const crdt::replica_id& id) { own_ids_.insert(id); }

  /// Somebody knows of more changes under that id than this node does.
  void hear_of_more_under(const crdt::replica_id& id);

  /// Somebody knows of changes under the present id, or one that this node had since it lost
  /// anything, that this node does not know: it must not number another under it, and has lost
  /// something.
  bool was_set_back() const { return was_set_back_; }

  void keep_since(session_id first) { kept_since_ = first; }
  void settle(bool is_settled) { is_settled_ = is_settled; }

  /// It turns out that some of what this node had before this session is not here.
  void begin_anew();

  /// There is something that this node cannot have, so it does not have all.
  void cannot_have_all() { kept_since_ = {}; }

  /// Something that is here cannot be read, or may be here that this does not know of.
  void cannot_read_all();
  bool reads_all() const { return reads_all_; }

  /// Whether this node has lost something that nobody has brought back yet. Says whether it had
  /// until now.
  bool lacks_data(bool does);
  bool lacks_data() const { return lacks_data_; }

  /// Since when this node has lost nothing; 0 if it does not say so.
  session_id kept_since() const { return kept_since_; }

  /// What a peer is told of that.
  session_id told_to(const peer_holdings* peer) const;

private:
  session_id self_;
  session_id kept_since_{};
  bool is_settled_ = true;
  bool lacks_data_ = false;
  bool reads_all_ = true;
  std::optional<crdt::replica_id> own_id_; // that this node numbers under, on a disk
  std::set<crdt::replica_id> own_ids_;     // this one, and those before since it lost anything
  bool was_set_back_ = false;
};

} // namespace starling::replication

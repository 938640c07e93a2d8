// The only file that knows yaml-cpp.
#include <fmt/format.h>
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "model/json_text.h"
#include "plan/plan_node.h"

namespace rehome {
namespace {

constexpr int kDepthMax = 64;
constexpr std::size_t kNodesMax = 200'000;

PlanMark MarkOf(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

/// Offset of the first character that is no valid UTF-8; npos if there is none.
std::size_t FindInvalidUtf8(std::string_view text) {
  constexpr std::size_t kCharacterBytesMax = 4;
  if (IsUtf8(text)) {
    return std::string_view::npos;
  }
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t length = 1;
    while (length <= kCharacterBytesMax && !IsUtf8(text.substr(at, length))) {
      ++length;
    }
    if (length > kCharacterBytesMax) {
      break;
    }
    at += length;
  }
  return at;
}

PlanMark MarkAt(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const std::size_t line_start =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {static_cast<int>(std::ranges::count(before, '\n')) + 1,
          static_cast<int>(offset - line_start) + 1};
}

class TreeBuilder {
 public:
  explicit TreeBuilder(std::vector<PlanProblem>& problems) : problems_(problems) {}

  [[nodiscard]] bool overflowed() const { return overflowed_; }

  PlanNode Convert(const YAML::Node& yaml, int depth) {
    PlanNode node;
    node.mark = MarkOf(yaml.Mark());
    if (depth > kDepthMax || ++nodes_ > kNodesMax) {
      if (!overflowed_) {
        problems_.push_back(
            {node.mark,
             fmt::format("the plan is nested deeper than {} levels or larger than {} values "
                         "(an alias counts each time it is used)",
                         kDepthMax, kNodesMax)});
        overflowed_ = true;
      }
      return node;
    }
    if (yaml.IsScalar()) {
      ConvertScalar(yaml, node);
    } else if (yaml.IsSequence()) {
      node.kind = PlanNode::Kind::kList;
      for (const YAML::Node& element : yaml) {
        if (overflowed_) {
          break;
        }
        node.list.push_back(Convert(element, depth + 1));
      }
    } else if (yaml.IsMap()) {
      ConvertMap(yaml, depth, node);
    }
    return node;
  }

 private:
  void ConvertScalar(const YAML::Node& yaml, PlanNode& node) {
    const std::string& tag = yaml.Tag();
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!node.quoted && tag != "?" && !tag.empty()) {
      problems_.push_back(
          {node.mark, fmt::format("the tag `{}` means nothing here; leave it out", tag)});
    }
    node.text = node.written = yaml.Scalar();
    node.kind = node.text.empty() && !node.quoted ? PlanNode::Kind::kNull : PlanNode::Kind::kScalar;
    if (node.text.find('\0') != std::string::npos) {
      problems_.push_back({node.mark, "a NUL character is not allowed in a plan"});
      node = PlanNode::At(node.mark);
      node.unresolved = true;
    }
  }

  void ConvertMap(const YAML::Node& yaml, int depth, PlanNode& node) {
    node.kind = PlanNode::Kind::kMap;
    std::set<std::string> seen;
    std::vector<PlanNode> merged;
    for (const auto& pair : yaml) {
      if (overflowed_) {
        break;
      }
      const PlanMark mark = MarkOf(pair.first.Mark());
      if (!pair.first.IsScalar() || pair.first.Scalar().find('\0') != std::string::npos) {
        problems_.push_back({mark, "a key must be plain text"});
        continue;
      }
      if (!seen.insert(pair.first.Scalar()).second) {
        problems_.push_back(
            {mark, fmt::format("`{}` stands here a second time", pair.first.Scalar())});
        continue;
      }
      PlanNode value = Convert(pair.second, depth + 1);
      if (pair.first.Scalar() == "<<" && pair.first.Tag() == "?") {
        AddMerged(std::move(value), merged);
      } else {
        node.map.push_back({pair.first.Scalar(), mark, std::move(value)});
      }
    }
    for (const PlanNode& one : merged) {
      std::ranges::copy_if(
          one.map, std::back_inserter(node.map),
          [&](const PlanNode::Entry& entry) { return node.Find(entry.key) == nullptr; });
    }
  }

  /// YAML's merge key: `<<` names a map, or several, whose entries fill in what the map leaves out.
  void AddMerged(PlanNode value, std::vector<PlanNode>& merged) {
    std::vector<PlanNode> maps;
    if (value.IsList()) {
      maps = std::move(value.list);
    } else {
      maps.push_back(std::move(value));
    }
    for (PlanNode& map : maps) {
      if (map.IsMap()) {
        merged.push_back(std::move(map));
      } else {
        problems_.push_back(
            {map.mark, fmt::format("`<<` merges maps, and this is {}", Name(map.kind))});
      }
    }
  }

  std::vector<PlanProblem>& problems_;
  std::size_t nodes_ = 0;
  bool overflowed_ = false;
};

/// The mistakes that everyone makes once: `{ key: ${NAME} }`, where `{` opens a map, and tabs.
std::string_view Hint(std::string_view yaml, int line) {
  for (int skipped = 1; skipped < line && !yaml.empty(); ++skipped) {
    const std::size_t end = yaml.find('\n');
    yaml.remove_prefix(end == std::string_view::npos ? yaml.size() : end + 1);
  }
  const std::string_view wrong = yaml.substr(0, yaml.find('\n'));
  if (wrong.substr(0, wrong.find_first_not_of(" \t")).find('\t') != std::string_view::npos) {
    return "; a tab stands before it: YAML is indented with blanks";
  }
  return wrong.find("${") == std::string_view::npos
             ? ""
             : "; inside { } and [ ] write \"${NAME}\" in quotes";
}

/// Takes notice of where documents start, and of nothing else.
class StartListener final : public YAML::EventHandler {
 public:
  std::vector<PlanMark> starts;

  void OnDocumentStart(const YAML::Mark& mark) override { starts.push_back(MarkOf(mark)); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {}
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/,
                       YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {}
  void OnMapEnd() override {}
};

/// Where the first two documents start. No more are asked for: yaml-cpp finds documents without end
/// in a text that begins with a comma.
std::vector<PlanMark> DocumentStarts(std::string_view yaml) {
  std::istringstream text{std::string(yaml)};
  YAML::Parser parser(text);
  StartListener listener;
  while (listener.starts.size() < 2 && parser.HandleNextDocument(listener)) {
  }
  return std::move(listener.starts);
}

}  // namespace

std::string_view Name(PlanNode::Kind kind) {
  switch (kind) {
    case PlanNode::Kind::kNull:
      return "nothing";
    case PlanNode::Kind::kScalar:
      return "a single value";
    case PlanNode::Kind::kList:
      return "a list";
    case PlanNode::Kind::kMap:
      return "a map";
  }
  CHECK(false && "unknown kind");
}

PlanNode PlanNode::At(PlanMark mark) {
  PlanNode node;
  node.mark = mark;
  return node;
}

const PlanNode* PlanNode::Find(std::string_view key) const {
  const auto found = std::ranges::find(map, key, &Entry::key);
  return found == map.end() ? nullptr : &found->node;
}

PlanNode* PlanNode::Find(std::string_view key) {
  const auto found = std::ranges::find(map, key, &Entry::key);
  return found == map.end() ? nullptr : &found->node;
}

PlanNode ParseYaml(std::string_view yaml, std::vector<PlanProblem>& problems) {
  if (const std::size_t bad = FindInvalidUtf8(yaml); bad != std::string_view::npos) {
    problems.push_back({MarkAt(yaml, bad), "not UTF-8 text"});
    return {};
  }
  try {
    const std::vector<PlanMark> starts = DocumentStarts(yaml);
    if (starts.size() > 1) {
      const bool endless = starts[1].line == starts[0].line && starts[1].column == starts[0].column;
      problems.push_back({starts[1], endless ? "not YAML: nothing begins like this"
                                             : "a second YAML document; a plan is one"});
      return {};
    }
    if (starts.empty()) {
      return PlanNode::At({1, 1});
    }
    TreeBuilder builder(problems);
    PlanNode root = builder.Convert(YAML::Load(std::string(yaml)), 0);
    return builder.overflowed() ? PlanNode() : root;
  } catch (const YAML::Exception& error) {
    const PlanMark mark = error.mark.is_null() ? PlanMark{1, 1} : MarkOf(error.mark);
    problems.push_back({mark, fmt::format("not YAML: {}{}", error.msg, Hint(yaml, mark.line))});
    return {};
  }
}

}  // namespace rehome

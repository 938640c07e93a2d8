#include "checks/probes.h"

#include <algorithm>
#include <cmath>

#include "checks/findings.h"
#include "checks/walk.h"
#include "flow/text_fit.h"
#include "mapping/text.h"

namespace rehome {

Result<std::vector<std::string>> ProbeTexts(const CheckContext& context, std::size_t count_max) {
  const FlowContext& flow = context.flow;
  Reservoir<std::string> texts(count_max, context.seed);
  if (const auto& probes = flow.plan.verify.probes) {
    REHOME_TRY(ForEachBatch(*flow.stores.source_documents, probes->from, {}, context.call,
                            [&](const std::vector<Document>& documents) -> Status {
                              for (const Document& document : documents) {
                                const auto value = probes->field.Find(document.view());
                                if (value && value->IsString() &&
                                    !Trim(value->AsString()).empty()) {
                                  texts.Offer(std::string(value->AsString()));
                                }
                              }
                              return {};
                            }));
  }
  if (texts.kept().empty()) {
    REHOME_TRY(ForEachItem(context, [&](const std::vector<Document>& items) -> Status {
      for (const Document& item : items) {
        if (!HomeOf(context, item.view()).empty()) {
          texts.Offer(flow.mapper.Text(item.view()));
        }
      }
      return {};
    }));
  }
  return std::move(texts.kept());
}

Result<std::vector<std::vector<float>>> EmbedProbes(Embedder& embedder,
                                                    const std::vector<std::string>& texts,
                                                    const Call& call) {
  if (texts.empty()) {
    return std::vector<std::vector<float>>{};
  }
  std::vector<std::string> fitting;  // a question is never too long to be asked
  for (const std::string& text : texts) {
    fitting.push_back(FitText(embedder, EmbedderPlan::TooLong::kCut, text).text);
  }
  REHOME_TRY_ASSIGN(Embeddings embedded, embedder.Embed(fitting, TextRole::kQuery, call));
  CHECK(embedded.vectors.size() == texts.size());
  return std::move(embedded.vectors);
}

double Similarity(std::string_view metric, std::span<const float> a, std::span<const float> b) {
  double dot = 0;
  double a_square = 0;
  double b_square = 0;
  double distance = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double x = static_cast<double>(a[i]);
    const double y = static_cast<double>(b[i]);
    dot += x * y;
    a_square += x * x;
    b_square += y * y;
    distance += (x - y) * (x - y);
  }
  if (metric == "dotproduct") {
    return dot;
  }
  if (metric == "euclidean") {
    return -distance;
  }
  const double norms = std::sqrt(a_square * b_square);
  return norms > 0 ? dot / norms : 0;
}

}  // namespace rehome

/* endpoint_answers: the answers behind endpoint_table, each in the file of its kind. */
#ifndef RINGSIDE_COLLECTOR_API_ENDPOINT_ANSWERS_H
#define RINGSIDE_COLLECTOR_API_ENDPOINT_ANSWERS_H

#include "collector/api/endpoint.h"

/* endpoint_figures.c: key figures over a span */
void endpoint_figures_kpi(const struct endpoint_request *request, struct endpoint_answer *out);
void endpoint_figures_export(const struct endpoint_request *request, struct endpoint_answer *out);
void endpoint_figures_timeseries(const struct endpoint_request *request, struct endpoint_answer *out);
void endpoint_figures_heatmap(const struct endpoint_request *request, struct endpoint_answer *out);
void endpoint_figures_distribution(const struct endpoint_request *request, struct endpoint_answer *out);
void endpoint_figures_ranking(const struct endpoint_request *request, struct endpoint_answer *out);
void endpoint_figures_overview(const struct endpoint_request *request, struct endpoint_answer *out);

/* endpoint_names.c: what there is */
void endpoint_names_sites(const struct endpoint_request *request, struct endpoint_answer *out);
void endpoint_names_site(const struct endpoint_request *request, struct endpoint_answer *out);
void endpoint_names_groups(const struct endpoint_request *request, struct endpoint_answer *out);
void endpoint_names_queues(const struct endpoint_request *request, struct endpoint_answer *out);
void endpoint_names_store(const struct endpoint_request *request, struct endpoint_answer *out);
void endpoint_names_tokens(const struct endpoint_request *request, struct endpoint_answer *out);

/* endpoint_now.c: this moment */
void endpoint_now_live(const struct endpoint_request *request, struct endpoint_answer *out);

/* endpoint_alerts.c */
void endpoint_alerts_state(const struct endpoint_request *request, struct endpoint_answer *out);
void endpoint_alerts_mute(const struct endpoint_request *request, struct endpoint_answer *out);

#endif

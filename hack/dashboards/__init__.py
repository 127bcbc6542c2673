"""Grafana's dashboards as code: what each panel shows and asks, and the JSON that the chart carries."""

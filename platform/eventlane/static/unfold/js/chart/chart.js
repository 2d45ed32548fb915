// Served instead of the Chart.js that Unfold loads on every page: the server draws our charts.
